//! RFC 8725 T4, T10: a `kid` is a name and nothing else, and a bad key in a key set is skipped
//! while the others keep working.

use josekit::jwk::alg::ec::EcCurve;
use openssl::sha::sha256;
use serde_json::{Value, json};
use trustmint_tests::attack::{accepts, base64url, farm, farm_claims, farm_token, refuses};
use trustmint_tests::keys::{self, Key, jwks};
use trustmint_tests::raw_keys::RawRsa;
use trustmint_tests::{Issuer, Setup};

const ALL: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

#[tokio::test(flavor = "multi_thread")]
async fn kid_is_only_a_name() {
    let (issuer, key) = (Issuer::start().await, keys::rsa());
    let broker = farm(&issuer, &jwks([key]), &["RS256"]).start().await;
    accepts(&broker, "the control", &farm_token(key)).await;
    let under = |kid: Value| {
        let header = json!({ "alg": "RS256", "kid": kid });
        key.sign_bytes(header.to_string().as_bytes(), farm_claims().to_string().as_bytes())
    };
    for kid in [
        "",
        "RSA-1",
        "rsa-1 ",
        "rsa-1\0",
        "rsa-1/../rsa-1",
        "../../../../etc/passwd",
        "farm.json",
        "/dev/null",
        "file:///dev/null",
        "https://evil.example/jwks",
        "' OR '1'='1",
        "rsa-1'; DROP TABLE keys; --",
        "*",
        "0",
        "\u{202e}1-asr",
        &"k".repeat(512),
    ] {
        refuses(&broker, "farm", kid, &under(json!(kid)), "unknown_key", 0).await;
    }
    for kid in [json!(1), json!(null), json!(["rsa-1"]), json!({}), json!(true), json!("k".repeat(513))] {
        refuses(&broker, "farm", &kid.to_string(), &under(kid), "malformed_token", 0).await;
    }
    let header = json!({ "alg": "RS256" }).to_string();
    let nameless = key.sign_bytes(header.as_bytes(), farm_claims().to_string().as_bytes());
    refuses(&broker, "farm", "no kid", &nameless, "unknown_key", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_used_with_its_own_algorithm_only() {
    let (rsa, ec) = (keys::rsa(), Key::ec("ec-1", "ES256", EcCurve::P256));
    let bare = Key::rsa("bare", "RS256", 2048);
    let mut set = jwks([rsa, &ec, &bare]);
    set["keys"][2].as_object_mut().expect("an object").remove("alg");
    let issuer = Issuer::start().await;
    let broker = farm(&issuer, &set, &ALL).start().await;
    let as_if = |signer: &Key, alg: &str, kid: &str| {
        let header = json!({ "alg": alg, "kid": kid });
        signer.sign_bytes(header.to_string().as_bytes(), farm_claims().to_string().as_bytes())
    };
    for (what, token) in [
        ("PS256 under a key for RS256", as_if(&rsa.with_alg("PS256"), "PS256", "rsa-1")),
        ("RS384 under a key for RS256", as_if(&rsa.with_alg("RS384"), "RS384", "rsa-1")),
        ("ES256 under an RSA key", as_if(&ec, "ES256", "rsa-1")),
        ("RS256 under an EC key", as_if(rsa, "RS256", "ec-1")),
        ("EdDSA under an EC key", as_if(&Key::ed("x"), "EdDSA", "ec-1")),
        ("ES384 under a key on P-256", as_if(&Key::ec("x", "ES384", EcCurve::P384), "ES384", "ec-1")),
    ] {
        refuses(&broker, "farm", what, &token, "bad_signature", 0).await;
    }
    for (what, token) in [
        ("a PSS signature called RS256", as_if(&bare.with_alg("PS256"), "RS256", "bare")),
        ("a PKCS#1 signature called PS256", as_if(&bare, "PS256", "bare")),
    ] {
        refuses(&broker, "farm", what, &token, "bad_signature", 1).await;
    }
    accepts(&broker, "a key without `alg`, RS256", &as_if(&bare, "RS256", "bare")).await;
    accepts(&broker, "a key without `alg`, PS256", &as_if(&bare.with_alg("PS256"), "PS256", "bare")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn weak_key_is_skipped_and_others_stay() {
    let good = keys::rsa();
    let (small, tiny) = (RawRsa::new("rsa-1024", 1024), RawRsa::new("rsa-512", 512));
    let almost = RawRsa::new("rsa-2040", 2040);
    let (three, padded) = (RawRsa::with_exponent("e-3", 2048, 3), RawRsa::with_exponent("e-padded", 2048, 3));
    let seventeen = RawRsa::with_exponent("e-17", 2048, 17);
    let ec = |kid: &str| Key::ec(kid, "ES256", EcCurve::P256);
    let (off, mislabelled) = (ec("off-curve"), ec("mislabelled"));
    let (private, secret) = (Key::rsa("private", "RS256", 2048), Key::hmac("secret", &[7; 32]));
    let (sealing, wrapping) = (ec("sealing"), ec("wrapping"));

    let (mut off_jwk, mut mislabelled_jwk) = (off.public(), mislabelled.public());
    off_jwk["y"] = off_jwk["x"].clone();
    mislabelled_jwk["crv"] = json!("P-384");
    mislabelled_jwk["alg"] = json!("ES384");
    let mut private_jwk = serde_json::to_value(private.jwk.as_ref()).expect("JSON");
    private_jwk["kid"] = json!("private");
    let (mut sealing_jwk, mut wrapping_jwk) = (sealing.public(), wrapping.public());
    sealing_jwk["use"] = json!("enc");
    wrapping_jwk["key_ops"] = json!(["wrapKey"]);
    let mut one = good.public();
    one["kid"] = json!("e-1");
    one["e"] = json!("AQ");
    let huge = json!({ "kty": "RSA", "kid": "rsa-8192", "n": base64url([0xc5; 1024]), "e": "AQAB" });
    let set = json!({ "keys": [
        tiny.public(0), small.public(0), almost.public(0), huge, three.public(0), padded.public(4), seventeen.public(0), one,
        off_jwk, mislabelled_jwk, private_jwk, secret.public(), sealing_jwk, wrapping_jwk,
        Key::ec("k1", "ES256K", EcCurve::Secp256k1).public(),
        json!({ "kty": "RSA", "kid": "hollow" }), json!({ "kty": "quantum", "kid": "q" }),
        json!({ "kid": "nothing" }), json!("a string"), json!(null), json!({ "kty": 5, "kid": 5 }),
        good.public(),
    ] });
    let issuer = Issuer::start().await;
    let broker = farm(&issuer, &set, &ALL).start().await;

    let claims = farm_claims();
    for (what, token, reason) in [
        ("RSA of 512 bits", tiny.sign(&claims), "unknown_key"),
        ("RSA of 1024 bits", small.sign(&claims), "unknown_key"),
        ("RSA of 2040 bits", almost.sign(&claims), "unknown_key"),
        ("RSA of 8192 bits", RawRsa::new("rsa-8192", 2048).sign(&claims), "unknown_key"),
        ("exponent 3", three.sign(&claims), "unknown_key"),
        ("exponent 17", seventeen.sign(&claims), "unknown_key"),
        ("exponent 3 behind zeros", padded.sign(&claims), "unknown_key"),
        ("exponent 1, which anyone can sign for", signed_by_nobody("e-1", &claims), "unknown_key"),
        ("a point that is not on its curve", off.sign(&claims), "unknown_key"),
        ("a point of another curve", mislabelled.sign(&claims), "unknown_key"),
        ("a private key", private.sign(&claims), "unknown_key"),
        ("a symmetric key", secret.sign(&claims), "unsupported_algorithm"),
        ("a symmetric key under RS256", signed_as(&secret, "RS256", &claims), "unknown_key"),
        ("a key for encryption", sealing.sign(&claims), "unknown_key"),
        ("a key for wrapping", wrapping.sign(&claims), "unknown_key"),
    ] {
        refuses(&broker, "farm", what, &token, reason, 0).await;
    }
    accepts(&broker, "the good key among them", &farm_token(good)).await;

    // The same set, fetched.
    let setup = Setup::new(&issuer);
    issuer.publish(set);
    let broker = setup.start().await;
    accepts(&broker, "the good key, fetched", &issuer.id_token("pypi.example.com")).await;
}

/// The numbers of a key as real issuers spell them: Java's leading zero octet, padded base64url, and coordinates
/// without their leading zeros.
#[tokio::test(flavor = "multi_thread")]
async fn keys_in_other_spellings_are_accepted() {
    let decoded = |jwk: &Value, name: &str| {
        let text = jwk[name].as_str().expect("a number").to_owned();
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text).expect("base64url")
    };
    let rsa = Key::rsa("zero", "RS256", 2048);
    let mut zero = rsa.public();
    zero["n"] = json!(base64url([&[0], decoded(&zero, "n").as_slice()].concat()));
    zero["e"] = json!("AAEAAQ==");
    let short = loop {
        let key = Key::ec("short", "ES256", EcCurve::P256);
        if decoded(&key.public(), "x")[0] == 0 {
            break key;
        }
    };
    let mut stripped = short.public();
    stripped["x"] = json!(base64url(&decoded(&stripped, "x")[1..]));
    let set = json!({ "keys": [zero, stripped] });
    let issuer = Issuer::start().await;
    let broker = farm(&issuer, &set, &ALL).start().await;
    accepts(&broker, "leading zero and padding", &farm_token(&rsa)).await;
    accepts(&broker, "a coordinate without its zero", &farm_token(&short)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn valid_keys_of_each_type_are_accepted() {
    let sound = [
        Key::rsa("rsa-2048", "RS256", 2048),
        Key::rsa("rsa-3072", "RS384", 3072),
        Key::rsa("rsa-4096", "RS512", 4096),
        Key::rsa("pss", "PS256", 2048),
        Key::ec("p-256", "ES256", EcCurve::P256),
        Key::ec("p-384", "ES384", EcCurve::P384),
        Key::ed("ed25519"),
        // Under one id, as some issuers rotate.
        Key::ec("same", "ES256", EcCurve::P256),
        Key::rsa("same", "RS256", 2048),
    ];
    let issuer = Issuer::start().await;
    let broker = farm(&issuer, &jwks(&sound), &ALL).start().await;
    for key in &sound {
        accepts(&broker, &format!("{} {}", key.kid, key.alg), &farm_token(key)).await;
    }
    // By default an issuer signs with RS256 and ES256; the rest is for operators to allow.
    let mut setup = farm(&issuer, &jwks(&sound), &ALL);
    setup.issuers =
        setup.issuers.lines().filter(|line| !line.starts_with("algorithms")).collect::<Vec<_>>().join("\n");
    let broker = setup.start().await;
    for key in &sound {
        match key.alg.as_str() {
            "RS256" | "ES256" => accepts(&broker, &key.kid, &farm_token(key)).await,
            _ => refuses(&broker, "farm", &key.kid, &farm_token(key), "unsupported_algorithm", 0).await,
        }
    }
}

fn signed_as(key: &Key, alg: &str, claims: &Value) -> String {
    let header = json!({ "alg": alg, "kid": key.kid });
    key.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

/// With exponent 1 a signature is its own message: PKCS#1 padding around the hash, no key needed.
fn signed_by_nobody(kid: &str, claims: &Value) -> String {
    const SHA256_INFO: [u8; 19] =
        [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let header = json!({ "alg": "RS256", "kid": kid }).to_string();
    let input = format!("{}.{}", base64url(header), base64url(claims.to_string()));
    let mut message = vec![0, 1];
    message.resize(256 - 1 - SHA256_INFO.len() - 32, 0xff);
    message.push(0);
    message.extend(SHA256_INFO);
    message.extend(sha256(input.as_bytes()));
    assert_eq!(message.len(), 256);
    format!("{input}.{}", base64url(message))
}
