//! A second opinion: whatever we accept, the verifier of `openidconnect` accepts too.
//!
//! The two agree on clock, keys, issuer, audience and algorithms. `openidconnect` verifies logins, so
//! three of its rules have no meaning for a CI job's token and are set aside, by name:
//!
//! - `nonce`: no one sent one in an authorization request, so any or none is fine;
//! - `acr` and `auth_time`: no one logged in; its defaults accept any;
//! - claims of a person (`email_verified`, `birthdate`, `updated_at` …): it insists on their types while
//!   it parses. CI platforms sign none of them, and no token here has them.
//!
//! Nothing else is set aside. Our leeway is zero here, because it has none.

use std::collections::BTreeMap;

use chrono::DateTime;
use josekit::jwk::alg::ec::EcCurve;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{ClientId, IssuerUrl, Nonce};
use serde_json::{Value, json};
use trustmint::broker::verify_id_token;
use trustmint_tests::attack::{FARM, base64url, ecdsa_twin, expected, parts, with_tail_bit};
use trustmint_tests::broker::{AUDIENCE, Setup};
use trustmint_tests::in_process::plan;
use trustmint_tests::keys::{Key, jwks};
use trustmint_tests::{Issuer, attack};

const TOKENS: usize = 12_000;
const NOW: u64 = 1_800_000_000;

/// SplitMix64: the same tokens in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("small")
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openidconnect_accepts_whatever_trustmint_accepts() {
    let keys = [
        Key::ec("es", "ES256", EcCurve::P256),
        Key::ed("ed"),
        Key::ec("es-384", "ES384", EcCurve::P384),
        Key::rsa("rs", "RS256", 2048),
        Key::rsa("ps", "PS256", 2048),
    ];
    let set = jwks(&keys);
    let folder = tempfile::tempdir().expect("folder");
    let algorithms = ["ES256", "EdDSA", "ES384", "RS256", "PS256"];
    let mut setup: Setup = attack::farm(&Issuer::start().await, &set, &algorithms);
    setup.issuers.push_str("leeway = \"0s\"\nmax_age = \"1h\"\n");
    let config = plan(&setup, folder.path()).config;
    let expected = expected(&config, NOW);
    let theirs = second_opinion(&set);

    let mut dice = Dice(20_261_123);
    let (mut accepted, mut they_too) = (0, 0);
    let mut reasons = BTreeMap::<&str, usize>::new();
    for _ in 0..TOKENS {
        let token = generate(&mut dice, &keys);
        let ours = verify_id_token(&token, &expected, |_| {}).await;
        let ours = ours.map(drop).map_err(|denial| denial.reason.as_str());
        let opinion = token.parse::<CoreIdToken>().map_err(|error| error.to_string()).and_then(|id_token| {
            let claims = id_token.claims(&theirs, |_: Option<&Nonce>| Ok(()));
            claims.map(|_| ()).map_err(|error| format!("{error}: {error:?}"))
        });
        match ours {
            Ok(()) => {
                accepted += 1;
                assert_eq!(opinion, Ok(()), "we accept what openidconnect refuses: {token}");
            }
            Err(reason) => {
                *reasons.entry(reason).or_default() += 1;
                they_too += usize::from(opinion.is_ok());
            }
        }
    }
    let share = accepted * 100 / TOKENS;
    println!(
        "{TOKENS} tokens, {share} % accepted; {they_too} that openidconnect accepts are refused: {reasons:?}"
    );
    assert!((20..=80).contains(&share), "{share} % accepted says little");
    assert!(reasons.len() >= 10, "the mutations reach too few checks: {reasons:?}");
    assert!(they_too > 0, "we are stricter, and it shows");
}

fn second_opinion(set: &Value) -> CoreIdTokenVerifier<'static> {
    let keys: CoreJsonWebKeySet = serde_json::from_value(set.clone()).expect("a key set");
    let (client, issuer) =
        (ClientId::new(AUDIENCE.to_owned()), IssuerUrl::new(FARM.to_owned()).expect("url"));
    CoreIdTokenVerifier::new_public_client(client, issuer, keys)
        .set_allowed_algs([
            CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            CoreJwsSigningAlgorithm::EdDsa,
            CoreJwsSigningAlgorithm::EcdsaP384Sha384,
            CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        ])
        .set_time_fn(|| DateTime::from_timestamp(i64::try_from(NOW).expect("small"), 0).expect("a time"))
}

/// A good token, with up to three things changed about it; the fast algorithms come more often.
fn generate(dice: &mut Dice, keys: &[Key]) -> String {
    let key = match dice.below(16) {
        0..=6 => &keys[0],
        7..=12 => &keys[1],
        13 => &keys[2],
        14 => &keys[3],
        _ => &keys[4],
    };
    let mut header = key.header();
    let mut claims = json!({
        "iss": FARM, "aud": AUDIENCE, "sub": "job-1", "jti": dice.next().to_string(),
        "iat": NOW - dice.next() % 300, "nbf": NOW - 300, "exp": NOW + 1 + dice.next() % 600,
        "repository": "acme/widget", "k8s": { "pod": { "uid": "7" } }, "attempt": 3, "protected": true,
    });
    let mut text = Vec::new();
    for _ in 0..dice.below(4) {
        match dice.below(10) {
            0..=2 => change_claims(dice, &mut claims),
            3 | 4 => change_header(dice, &mut header),
            5 => text.push((*dice.pick(&EXTRA)).to_owned()),
            _ => harmless(dice, &mut header, &mut claims),
        }
    }
    let json = claims.to_string();
    let payload = format!("{}{}}}", &json[..json.len() - 1], text.concat());
    let signer = if dice.one_in(24) { dice.pick(keys) } else { key };
    let token = signer.sign_bytes(header.to_string().as_bytes(), payload.as_bytes());
    if dice.one_in(8) { respell(dice, &token) } else { token }
}

/// Text before the last brace of the payload.
const EXTRA: [&str; 8] = [
    r#","sub":"job-2""#,
    r#","\u0061ud":"other""#,
    r#","k":{"a":1,"a":2}"#,
    r#","k":1e400"#,
    r#","k":1e30"#,
    r#","k":"\ud83d\ude00""#,
    r#","k":"\ud83d""#,
    r#", "k" : [ null , -0 , {} ] "#,
];

fn change_claims(dice: &mut Dice, claims: &mut Value) {
    let name = *dice.pick(&["iss", "aud", "exp", "iat", "nbf", "sub", "jti"]);
    let near = NOW - 2 + dice.next() % 5;
    let values = match name {
        "iss" => [
            json!(format!("{FARM}/")),
            json!([FARM]),
            json!(FARM.to_uppercase()),
            json!("https://evil.example"),
        ],
        "aud" => [json!([AUDIENCE]), json!([AUDIENCE, "other"]), json!("other"), json!([[AUDIENCE]])],
        "exp" => [json!(near), json!(near), json!(near as f64 + 0.5), json!(NOW + 100_000_000)],
        "iat" => [json!(near), json!(near), json!(NOW - 3_601 + dice.next() % 3), json!(near.to_string())],
        "nbf" => [json!(near), json!(near), json!(0), json!(NOW + 7_200)],
        "sub" => [json!(""), json!(7), json!("jöb"), json!(" ")],
        _ => [json!(""), json!(7), json!("x".repeat(300)), json!(["x"])],
    };
    match dice.below(8) {
        0 => drop(claims.as_object_mut().expect("an object").remove(name)),
        1 => claims[name] = Value::Null,
        _ => claims[name] = dice.pick(&values).clone(),
    }
}

fn change_header(dice: &mut Dice, header: &mut Value) {
    let (name, value) = dice
        .pick(&[
            ("typ", json!("jwt")),
            ("typ", json!("JOSE")),
            ("typ", json!("at+jwt")),
            ("typ", json!("application/jwt")),
            ("cty", json!("JWT")),
            ("cty", json!("text/plain")),
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("jku", json!("https://evil.example")),
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("RS256")),
            ("alg", json!("ES256")),
            ("alg", json!("PS256")),
            ("alg", json!("RS512")),
            ("kid", json!("es")),
            ("kid", json!("rs")),
            ("kid", json!("nobody")),
            ("kid", Value::Null),
        ])
        .clone();
    header[name] = value;
}

fn harmless(dice: &mut Dice, header: &mut Value, claims: &mut Value) {
    match dice.below(6) {
        0 => drop(header.as_object_mut().expect("an object").remove("typ")),
        1 => header["x5t"] = json!("c2hhMQ"),
        2 => claims["azp"] = json!("somebody"),
        3 => claims["nonce"] = json!(dice.next().to_string()),
        4 => claims["repository"] = json!("ä/\u{1F600}"),
        _ => drop(claims.as_object_mut().expect("an object").remove("nbf")),
    }
}

/// Changes the token after it was signed.
fn respell(dice: &mut Dice, token: &str) -> String {
    let [header, payload, signature] = parts(token);
    match dice.below(10) {
        0 => format!("{token}="),
        1 => format!("{token}\n"),
        2 => format!("{token}.{signature}"),
        3 => format!("{header}.{payload}."),
        4 => format!("{header}.{payload}.{}", base64url([0; 64])),
        5 => format!("{header}.{payload}.{}", base64url(ecdsa_twin(signature))),
        6 if signature.len() % 4 != 0 => format!("{header}.{payload}.{}", with_tail_bit(signature)),
        7 => format!("{header}.{payload}.{}", &signature[..signature.len() / 8 * 4]),
        _ => {
            let mut bytes = token.as_bytes().to_vec();
            let place = dice.below(bytes.len());
            bytes[place] = *dice.pick(b"AQgw09-_.");
            String::from_utf8(bytes).expect("ASCII")
        }
    }
}
