//! RFC 8725 T1, T2, T10, T11: the header decides nothing. Not which algorithm, not where keys come
//! from, and no other kind of JWT is an ID token.

use serde_json::{Value, json};
use trustmint_tests::attack::{Target, base64url, parts};
use trustmint_tests::keys::{self, Key};

#[tokio::test(flavor = "multi_thread")]
async fn rejects_unknown_header_parameters() {
    let target = Target::start().await;
    let key = &target.issuer.key;
    let evil = keys::stranger().public();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!(["urn:example:unknown"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("crit", Value::Null),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("jku", json!("https://evil.example/jwks")),
        ("jku", json!(format!("{}/jwks", target.issuer.url))),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("jwk", evil),
        ("jwk", Value::Null),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("epk", json!({})),
        ("p2c", json!(2_000_000_000)),
        ("p2s", json!("c2FsdA")),
        // A JWT in a JWT (RFC 7519 §5.2).
        ("cty", json!("JWT")),
        ("cty", json!("jwt")),
        ("cty", json!("application/json")),
    ] {
        let mut header = key.header();
        header[name] = value;
        let token = target.under_header(&header);
        target.refuses_unchecked(&header.to_string(), &token, "malformed_token").await;
    }
    assert_eq!(target.issuer.jwks_fetches(), 1, "no header made us fetch keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_other_jwt_types() {
    let target = Target::start().await;
    let typed = |typ: &Value| {
        let mut header = target.issuer.key.header();
        header["typ"] = typ.clone();
        target.under_header(&header)
    };
    for typ in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "dpop+jwt",
        "logout+jwt",
        "token-introspection+jwt",
        "secevent+jwt",
        "JOSE+JSON",
        "JWE",
        "",
        " JWT",
        "JWT ",
    ] {
        target.refuses_unchecked(typ, &typed(&json!(typ)), "malformed_token").await;
    }
    for typ in [json!(null), json!(1), json!(["JWT"]), json!({ "typ": "JWT" })] {
        target.refuses_unchecked(&typ.to_string(), &typed(&typ), "malformed_token").await;
    }
    for typ in ["JWT", "jwt", "Jwt", "JOSE", "jose"] {
        target.accepts(typ, &typed(&json!(typ))).await;
    }
    let mut bare = target.issuer.key.header();
    bare.as_object_mut().expect("an object").remove("typ");
    target.accepts("no typ", &target.under_header(&bare)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_algorithm_the_issuer_does_not_use() {
    let target = Target::start().await;
    let key = &target.issuer.key;
    let claims = target.claims().to_string();
    let good = key.sign(&target.claims());
    let [_, payload, signature] = parts(&good);

    for alg in
        ["none", "None", "nOnE", "NONE", "rs256", "RS256 ", "RSA-OAEP", "dir", "PBES2-HS256+A128KW", ""]
    {
        let header = base64url(json!({ "alg": alg, "kid": key.kid }).to_string());
        let token = format!("{header}.{payload}.{signature}");
        target.refuses_unchecked(alg, &token, "unsupported_algorithm").await;
    }
    for alg in [json!(null), json!(256), json!(["RS256"]), json!({ "alg": "RS256" })] {
        let token = target.under_header(&json!({ "alg": alg, "kid": key.kid }));
        target.refuses_unchecked(&alg.to_string(), &token, "malformed_token").await;
    }
    target
        .refuses_unchecked("no alg", &target.under_header(&json!({ "kid": key.kid })), "malformed_token")
        .await;

    // The same RSA key, which is good for all of these.
    for alg in ["RS384", "RS512", "PS256"] {
        let token = key.with_alg(alg).sign(&target.claims());
        target.refuses_unchecked(alg, &token, "unsupported_algorithm").await;
    }
    let es256k = Key::ec(&key.kid, "ES256K", josekit::jwk::alg::ec::EcCurve::Secp256k1);
    let es384 = Key::ec(&key.kid, "ES384", josekit::jwk::alg::ec::EcCurve::P384);
    for other in [es256k, es384, Key::ed(&key.kid)] {
        let token = other.sign_bytes(other.header().to_string().as_bytes(), claims.as_bytes());
        target.refuses_unchecked(&other.alg, &token, "unsupported_algorithm").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn public_key_is_not_accepted_as_hmac_secret() {
    let target = Target::start().await;
    let key = &target.issuer.key;
    let public = key.jwk.to_public_key().expect("public");
    let pem = josekit::jwk::alg::rsa::RsaKeyPair::from_jwk(&key.jwk).expect("RSA");
    let modulus = public.parameter("n").and_then(Value::as_str).expect("n");
    for (what, secret) in [
        ("PEM", pem.to_pem_public_key()),
        ("DER", pem.to_der_public_key()),
        ("PKCS#1 PEM", pem.to_traditional_pem_public_key()),
        ("JWK", public.to_string().into_bytes()),
        ("the published JWK", key.public().to_string().into_bytes()),
        ("the modulus", modulus.as_bytes().to_vec()),
    ] {
        let forged = Key::hmac(&key.kid, &secret).sign(&target.claims());
        target.refuses_unchecked(what, &forged, "unsupported_algorithm").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signature_covers_exactly_the_signed_bytes() {
    let target = Target::start().await;
    let (good, other) = (target.issuer.sign(&target.claims()), target.issuer.sign(&target.claims()));
    let [header, payload, signature] = parts(&good);
    let [_, other_payload, other_signature] = parts(&other);
    let flipped = format!("{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    let reordered = base64url(json!({ "typ": "JWT", "alg": "RS256", "kid": "rsa-1", "x": 1 }).to_string());
    let widened = base64url(target.claims().to_string().replace("acme/widget", "acme/gadget"));
    for (what, token) in [
        ("a flipped bit", format!("{header}.{payload}.{flipped}")),
        ("a cut signature", format!("{header}.{payload}.{}", &signature[..signature.len() - 2])),
        ("a longer signature", format!("{header}.{payload}.AAAA{signature}")),
        ("zeros", format!("{header}.{payload}.{}", base64url([0; 256]))),
        ("one byte", format!("{header}.{payload}.AA")),
        ("another token's signature", format!("{header}.{payload}.{other_signature}")),
        ("another token's payload", format!("{header}.{other_payload}.{signature}")),
        ("another header", format!("{reordered}.{payload}.{signature}")),
        ("other claims", format!("{header}.{widened}.{signature}")),
        ("a stranger's key under this kid", keys::stranger().sign(&target.claims())),
    ] {
        target.refuses_checked(what, &token, "bad_signature").await;
    }
    target.accepts("the token itself, which none of this spent", &good).await;
}
