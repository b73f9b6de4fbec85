//! RFC 8725 T7, T12: whose keys verify a token is settled by its `iss`, to the byte, among the
//! issuers that are configured. No one else is ever asked.

use serde_json::json;
use trustmint_tests::attack::{Target, accepts, refuses};
use trustmint_tests::broker::{AUDIENCE, PUBLIC_URL};
use trustmint_tests::keys::{self, Key};
use trustmint_tests::{Issuer, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn unknown_issuer_causes_no_network_call() {
    let target = Target::start().await;
    let evil = Issuer::start().await;
    let known = target.issuer.connections();
    let url = target.issuer.url.as_str();
    let port = url.rsplit_once(':').expect("a port").1;

    for iss in [
        evil.url.clone(),
        format!("{}/", evil.url),
        format!("{url}/"),
        format!("{url}//"),
        url.to_ascii_uppercase(),
        url.replace("https", "HTTPS"),
        url.replace("https", "http"),
        url.replace("https://", ""),
        url.replace("https://", "//"),
        format!("{url}.evil.example"),
        format!("{url}/evil"),
        format!("{url}/.well-known/openid-configuration"),
        format!("{url}/jwks"),
        format!("{url}?"),
        format!("{url}#"),
        format!("{url} "),
        format!(" {url}"),
        format!("{url}\n"),
        format!("{url}\0"),
        format!("{url},{}", evil.url),
        format!("https://localhost:{port}"),
        format!("https://127.1:{port}"),
        format!("https://user@127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}@{}", evil.url.replace("https://", "")),
        "https://127.0.0.1".to_owned(),
        "https://token.actions.githubusercontent.com".to_owned(),
        "https://token.actions.githubusercontent.com.evil.example".to_owned(),
        "file:///etc/passwd".to_owned(),
        "github".to_owned(),
        PUBLIC_URL.to_owned(),
    ] {
        let token = target.issuer.id_token_with(AUDIENCE, &json!({ "iss": iss }));
        target.refuses_unchecked(&iss, &token, "unknown_issuer").await;
    }
    // The holder of the token learns which issuer it named.
    let reply = target.broker.exchange(&evil.id_token(AUDIENCE)).await.json();
    assert_eq!((&reply["claim"], &reply["received"]), (&json!("iss"), &json!(evil.url)), "{reply}");
    // Its own key, its own name, and not configured.
    target.refuses_unchecked("a stranger", &evil.id_token(AUDIENCE), "unknown_issuer").await;
    assert_eq!(evil.connections(), 0, "a stranger is never asked");
    assert_eq!(target.issuer.connections(), known, "nor is anyone asked about a stranger");
}

#[tokio::test(flavor = "multi_thread")]
async fn issuer_key_verifies_its_own_tokens_only() {
    // Both publish a key under the same id, and one policy names the one issuer only.
    let (github, other) = (Issuer::start().await, Issuer::with_key(keys::stranger().clone()).await);
    assert_eq!(github.key.kid, other.key.kid);
    let mut setup = Setup::new(&github);
    setup.issuers.push_str(&format!(
        "[issuers.other]\nkind = \"github\"\nurl = \"{}\"\nca_file = \"other-ca.pem\"\nallow_private = [\"127.0.0.0/8\"]\n",
        other.url
    ));
    setup.files.push(("other-ca.pem".to_owned(), other.ca.clone()));
    let broker = setup.start().await;
    accepts(&broker, "the control", &github.id_token(AUDIENCE)).await;

    let claims_of = |issuer: &Issuer| trustmint_tests::github(&issuer.url, AUDIENCE);
    let forged = other.sign(&claims_of(&github));
    refuses(&broker, "github", "signed by the other issuer", &forged, "bad_signature", 1).await;
    let forged = github.sign(&claims_of(&other));
    refuses(&broker, "other", "the other way round", &forged, "bad_signature", 1).await;
    // Truly the other's, with the same ids: the policy is about the first issuer only.
    let honest = other.id_token(AUDIENCE);
    refuses(&broker, "other", "the same ids elsewhere", &honest, "no_matching_policy", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_registry_token_is_not_an_id_token() {
    let target = Target::start().await;
    let minted = target.broker.exchange(&target.issuer.id_token(AUDIENCE)).await.token();
    target.refuses_unchecked("our own registry token", &minted, "malformed_token").await;

    let introspection = target.broker.introspect(&minted).await.json();
    assert_eq!(introspection["active"], true);
    let claims = json!({
        "iss": PUBLIC_URL, "aud": AUDIENCE, "iat": trustmint_tests::now(),
        "token_introspection": introspection,
    });
    let signed = |key: &Key, typ: &str| {
        let header = json!({ "alg": key.alg, "kid": key.kid, "typ": typ });
        key.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    };
    let typed = signed(&target.issuer.key, "token-introspection+jwt");
    target.refuses_unchecked("an introspection answer (RFC 9701)", &typed, "malformed_token").await;
    let posing = signed(&target.issuer.key, "JWT");
    target.refuses_unchecked("the same, posing as an ID token", &posing, "unknown_issuer").await;
    let flat = target.issuer.sign(&introspection);
    target.refuses_unchecked("the claims of an answer", &flat, "unknown_issuer").await;
}
