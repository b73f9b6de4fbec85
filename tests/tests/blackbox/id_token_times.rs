//! The edges of an ID token's life, to the second, with the clock held still; and the second
//! signature that every ECDSA signature has.

use josekit::jwk::alg::ec::EcCurve;
use serde_json::{Value, json};
use trustmint::broker::{Progress, verify_id_token};
use trustmint_tests::Issuer;
use trustmint_tests::attack::{self, base64url, expected, farm, farm_claims, parts, refuses};
use trustmint_tests::in_process::plan;
use trustmint_tests::issuer::changed;
use trustmint_tests::keys::{self, Key, jwks};

const NOW: u64 = 1_800_000_000;
/// As the issuer is configured here.
const LEEWAY: u64 = 30;
const MAX_AGE: u64 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn leeway_applies_to_each_time_claim() {
    let folder = tempfile::tempdir().expect("folder");
    let mut setup = farm(&Issuer::start().await, &jwks([keys::rsa()]), &["RS256"]);
    setup.issuers.push_str("leeway = \"30s\"\nmax_age = \"10m\"\n");
    let config = plan(&setup, folder.path()).config;
    let farms = expected(&config, NOW);

    let far = NOW + 1_000_000;
    let rows: Vec<(&str, Value, Result<(), &str>)> = vec![
        ("the last second of exp", json!({ "iat": NOW - 300, "exp": NOW - LEEWAY + 1 }), Ok(())),
        ("over", json!({ "iat": NOW - 300, "exp": NOW - LEEWAY }), Err("expired")),
        ("the first second of iat", json!({ "iat": NOW + LEEWAY, "exp": far }), Ok(())),
        ("issued ahead of it", json!({ "iat": NOW + LEEWAY + 1, "exp": far }), Err("not_yet_valid")),
        ("the first second of nbf", json!({ "iat": NOW, "nbf": NOW + LEEWAY, "exp": far }), Ok(())),
        ("before nbf", json!({ "iat": NOW, "nbf": NOW + LEEWAY + 1, "exp": far }), Err("not_yet_valid")),
        ("the last second of max_age", json!({ "iat": NOW - MAX_AGE - LEEWAY + 1, "exp": far }), Ok(())),
        ("too old", json!({ "iat": NOW - MAX_AGE - LEEWAY, "exp": far }), Err("too_old")),
        ("no nbf", json!({ "iat": NOW, "nbf": null, "exp": far }), Ok(())),
        ("no life at all", json!({ "iat": NOW, "exp": NOW }), Ok(())),
        ("over before it began", json!({ "iat": NOW, "exp": NOW - 1 }), Err("invalid_claim")),
        ("the year 9999", json!({ "iat": NOW, "exp": 253_402_300_799_u64 }), Ok(())),
        ("the year 10000", json!({ "iat": NOW, "exp": 253_402_300_800_u64 }), Err("invalid_claim")),
    ];
    for (what, changes, expected) in rows {
        let base = changed(farm_claims(), &json!({ "nbf": NOW - 400 }));
        let token = keys::rsa().sign(&changed(base, &changes));
        let mut checks = 0;
        let count =
            |progress: Progress<'_>| checks += u8::from(matches!(progress, Progress::SignatureCheck(_)));
        let verified = verify_id_token(&token, &farms, count).await;
        let found = verified.map(|_| ()).map_err(|denial| denial.reason.as_str());
        assert_eq!(found, expected, "{what}");
        assert_eq!(checks, u8::from(expected.is_ok()), "{what}: signatures that were checked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resigned_spent_token_is_a_replay() {
    let key = Key::ec("es", "ES256", EcCurve::P256);
    let broker = farm(&Issuer::start().await, &jwks([&key]), &["ES256"]).start().await;
    // With and without a `jti`: neither names the token by its signature.
    for jti in [json!("one"), Value::Null] {
        let token = key.sign(&changed(farm_claims(), &json!({ "jti": jti })));
        let [header, payload, signature] = parts(&token);
        let twin = format!("{header}.{payload}.{}", base64url(attack::ecdsa_twin(signature)));
        assert_ne!(token, twin);
        attack::accepts(&broker, "the first", &twin).await;
        refuses(&broker, "farm", "the second", &token, "replayed", 1).await;
    }
}
