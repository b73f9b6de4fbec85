//! An issuer that no one here wrote works as a plain `oidc` issuer, over https with its own authority.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::alg::ec::EcCurve;
use serde_json::Value;
use trustmint_tests::broker::{AUDIENCE, run};
use trustmint_tests::keys::{self, Key};
use trustmint_tests::oauth2_mock::Oauth2Mock;
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup};

const POLICY: &str = r#"
[[policy]]
id       = "widget-by-hand"
issuer   = "mock"
registry = "pypi"
packages = ["widget"]
actions  = ["publish"]

[policy.match]
sub = "johndoe"
"#;

/// A broker that knows the mock beside its usual issuer.
async fn broker(mock: &Oauth2Mock) -> BrokerProcess {
    let mut setup = Setup::new(&Issuer::start().await).policies(POLICY);
    setup.issuers.push_str(&format!(
        "[issuers.mock]\nkind = \"oidc\"\nurl = \"{}\"\nca_file = \"mock-ca.pem\"\n\
         allow_private = [\"127.0.0.0/8\"]\npins = [\"sub\"]\n",
        mock.url
    ));
    setup.files.push(("mock-ca.pem".to_owned(), mock.ca.clone()));
    setup.start().await
}

/// A fresh ID token for our audience: it is the client's id, as OpenID Connect says.
async fn id_token(mock: &Oauth2Mock) -> String {
    let form = [("grant_type", "password"), ("username", "x"), ("password", "y"), ("client_id", AUDIENCE)];
    mock.token(&form).await["id_token"].as_str().expect("an ID token").to_owned()
}

fn kid_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("JSON");
    header["kid"].as_str().expect("kid").to_owned()
}

/// Fetches tokens and exchanges them, as jobs do, until one that this key signed is accepted.
async fn accepted_by(broker: &BrokerProcess, mock: &Oauth2Mock, kid: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let token = id_token(mock).await;
        let reply: Reply = broker.exchange(&token).await;
        if reply.status.is_success() && kid_of(&token) == kid {
            return token;
        }
        // A token of the second in which the store was born, or one that was signed twice in a second,
        // which is the same one where there is no `jti`; or the new key is fetched a moment later.
        let passing = ["store_reset", "replayed", "issuer_unavailable"];
        assert!(reply.status.is_success() || passing.contains(&reply.reason().as_str()), "{}", reply.text);
        assert!(Instant::now() < deadline, "no token by {kid} is accepted: {}\n{}", reply.text, broker.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth2_mock_server_works_by_configuration() {
    let (rsa, ec) = (keys::rsa(), Key::ec("ec-1", "ES256", EcCurve::P256));
    // It takes its keys in turn, and signs an access token before each ID token: of two keys, only one
    // would ever sign ID tokens.
    let mut mock = Oauth2Mock::start(&[rsa, &ec, &Key::ec("ec-0", "ES256", EcCurve::P256)]);
    let broker = broker(&mock).await;

    for key in [rsa, &ec] {
        let token = accepted_by(&broker, &mock, &key.kid).await;
        let reply = broker.exchange(&token).await;
        assert_eq!(reply.reason(), "replayed", "without `jti`, too: {}", reply.text);
    }

    let checked = || {
        let arguments = ["issuer", "check", "mock", "--format", "json", "--deny-warnings"];
        let (code, said, complained) = run(broker.folder.path(), &arguments);
        let report: Value = serde_json::from_str(&said).expect("JSON");
        let keys = report["issuers"][0]["keys"].as_array().expect("keys").clone();
        let kids: BTreeSet<_> = keys.iter().map(|key| key["kid"].as_str().expect("kid").to_owned()).collect();
        assert_eq!(code, 0, "{said}{complained}");
        kids
    };
    assert_eq!(checked(), BTreeSet::from(["ec-0", "ec-1", "rsa-1"].map(str::to_owned)));

    // It rotates its keys.
    let next = Key::ec("ec-2", "ES256", EcCurve::P256);
    mock.rotate(&[&next]);
    accepted_by(&broker, &mock, "ec-2").await;
    assert_eq!(checked(), BTreeSet::from(["ec-2".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth2_mock_server_foreign_audience_is_refused() {
    let mock = Oauth2Mock::start(&[keys::rsa()]);
    let broker = broker(&mock).await;
    let token = |reply: &Value, name: &str| reply[name].as_str().expect("a token").to_owned();

    let elsewhere =
        [("grant_type", "password"), ("username", "x"), ("password", "y"), ("client_id", "other")];
    let elsewhere = mock.token(&elsewhere).await;
    assert_eq!(broker.exchange(&token(&elsewhere, "id_token")).await.reason(), "wrong_audience");
    // An access token of it has no audience, unless one is asked for, and then it has no subject.
    assert_eq!(broker.exchange(&token(&elsewhere, "access_token")).await.reason(), "missing_claim");
    let nobody = mock.token(&[("grant_type", "client_credentials"), ("aud", AUDIENCE)]).await;
    let reply = broker.exchange(&token(&nobody, "access_token")).await;
    assert_eq!((reply.reason().as_str(), reply.json()["claim"].as_str()), ("missing_claim", Some("sub")));
}
