//! SPIFFE: a workload is its SPIFFE ID, and what is no SPIFFE ID is no one.

use josekit::jwk::alg::ec::EcCurve;
use serde_json::json;
use trustmint_tests::KindCase;
use trustmint_tests::attack::accepts;
use trustmint_tests::keys::Key;

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "spiffe",
        url: "https://oidc-discovery.example.org",
        owned: false,
        jti: false,
        claims: json!({
            "sub": "spiffe://example.org/ns/ci/sa/publisher",
            "aud": ["pypi.example.com"],
        }),
        pins: vec![("sub", json!({ "sub": null }))],
        policy: vec![("sub", "\"spiffe://example.org/ns/ci/sa/publisher\"")],
        names: vec![("jti", "{ present = false }")],
        strangers: &["spiffe://example.org", "https://oidc-discovery.example.org/keys"],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_spiffe_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    let strangers = [
        "spiffe://evil.example/ns/ci/sa/publisher",
        "spiffe://example.org.evil.example/ns/ci/sa/publisher",
        "spiffe://example.org/ns/ci/sa/publisher2",
        "spiffe://example.org/ns/ci/sa",
        "spiffe://example.org/ns/ci/sa/publisher/x",
        "spiffe://example.org/ns/ci/sa/Publisher",
    ];
    target.refuses_each("no_matching_policy", strangers.map(|sub| json!({ "sub": sub }))).await;
    let malformed = [
        "spiffe://Example.org/ns/ci/sa/publisher",
        "SPIFFE://example.org/ns/ci/sa/publisher",
        "spiffe://example.org/ns/ci/sa/publisher/",
        "spiffe://example.org//ns/ci/sa/publisher",
        "spiffe://example.org/ns/../ns/ci/sa/publisher",
        "spiffe://example.org/ns/ci/sa/%70ublisher",
        "spiffe://example.org:443/ns/ci/sa/publisher",
        "spiffe://evil@example.org/ns/ci/sa/publisher",
        "spiffe://example.org",
        "https://example.org/ns/ci/sa/publisher",
        "publisher",
    ];
    target.refuses_each("invalid_claim", malformed.map(|sub| json!({ "sub": sub }))).await;
    target
        .refuses(&json!({ "aud": ["pypi.example.com", "spiffe://example.org/db"] }), "wrong_audience")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spire_jwt_svid_keys_are_used() {
    let key = Key::ec("svid-1", "ES256", EcCurve::P256);
    let mut public = key.public();
    public["use"] = json!("jwt-svid");
    public.as_object_mut().expect("an object").remove("alg");
    let mut setup = case().setup();
    setup.files = vec![("ci.json".to_owned(), json!({ "keys": [public] }).to_string())];
    let header = json!({ "alg": "ES256", "kid": "svid-1", "typ": "JOSE" }).to_string();
    let claims = case().token_claims(&json!({})).to_string();
    let token = key.sign_bytes(header.as_bytes(), claims.as_bytes());
    accepts(&setup.start().await, "a JWT-SVID", &token).await;
}

#[test]
fn loose_files_about_spiffe_are_refused() {
    case().refuses_loose_files();
}
