//! The dialect of NuGet.org: the requests of its login action, to the byte.

use serde_json::json;
use trustmint_tests::raw::{Raw, RawReply};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

const HOST: &str = "nuget.example.com";
/// What the login action is told, as NuGet.org's own is `https://www.nuget.org`.
const AUDIENCE: &str = "https://nuget.example.com";
const BODY: &str = r#"{"username":"acme","tokenType":"ApiKey"}"#;
const USUAL: &str = "content-type: application/json\r\nuser-agent: nuget/login-action\r\n";

async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).registry_of_kind("nuget", HOST, &["Acme.Core"]).start().await;
    (issuer, broker)
}

async fn exchange(broker: &BrokerProcess, headers: &str, body: &str) -> RawReply {
    let request = format!(
        "POST /api/v2/token HTTP/1.1\r\n{headers}Host: {HOST}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Raw::once(&broker.public, request).await
}

fn authorized(jwt: &str) -> String {
    format!("authorization: Bearer {jwt}\r\n{USUAL}")
}

#[tokio::test(flavor = "multi_thread")]
async fn nuget_login_action_gets_an_api_key() {
    let (issuer, broker) = stage().await;
    for audience in [AUDIENCE, HOST] {
        let reply = exchange(&broker, &authorized(&issuer.id_token(audience)), BODY).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let body = reply.json();
        assert_eq!(body["tokenType"], "ApiKey");
        assert!(body["expires"].as_str().is_some_and(|at| at.ends_with('Z')), "{body}");
        let key = body["apiKey"].as_str().expect("a key");
        assert_eq!(broker.introspect(key).await.json()["scope"], "package:acme.core:publish,create");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nuget_header_rules_match_nuget_org() {
    let (issuer, broker) = stage().await;
    let bearer = || format!("authorization: Bearer {}\r\n", issuer.id_token(AUDIENCE));
    let twice = bearer();
    for (what, headers, body, status) in [
        ("no Authorization", USUAL.to_owned(), BODY, 401),
        ("two of them", format!("{twice}{twice}{USUAL}"), BODY, 401),
        ("another scheme", format!("authorization: Basic eDp4\r\n{USUAL}"), BODY, 401),
        ("no media type", format!("{}user-agent: x\r\n", bearer()), BODY, 415),
        ("another one", format!("{}user-agent: x\r\ncontent-type: text/plain\r\n", bearer()), BODY, 415),
        ("no User-Agent", format!("{}content-type: application/json\r\n", bearer()), BODY, 400),
        (
            "an empty one",
            format!("{}content-type: application/json\r\nuser-agent: \r\n", bearer()),
            BODY,
            400,
        ),
        ("no user", format!("{}{USUAL}", bearer()), r#"{"tokenType":"ApiKey"}"#, 400),
        ("an empty user", format!("{}{USUAL}", bearer()), r#"{"username":" ","tokenType":"ApiKey"}"#, 400),
        ("another token", format!("{}{USUAL}", bearer()), r#"{"username":"a","tokenType":"Jwt"}"#, 400),
        ("no body", format!("{}{USUAL}", bearer()), "", 400),
    ] {
        let reply = exchange(&broker, &headers, body).await;
        assert_eq!(reply.status, status, "{what}: {}", reply.body);
        assert!(reply.json()["error"].as_str().is_some_and(|error| !error.is_empty()), "{what}");
        assert_eq!(reply.header("www-authenticate").is_empty(), status != 401, "{what}");
    }
    // None of them spent the ID token.
    let token = twice.trim().rsplit_once(' ').expect("a token").1;
    assert_eq!(exchange(&broker, &authorized(token), BODY).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nuget_refusal_is_401_with_error() {
    let (issuer, broker) = stage().await;
    let spent = issuer.id_token(AUDIENCE);
    assert_eq!(exchange(&broker, &authorized(&spent), BODY).await.status, 200);
    for (jwt, reason) in [
        (spent, "replayed"),
        (issuer.id_token("https://www.nuget.org"), "wrong_audience"),
        (issuer.id_token_with(AUDIENCE, &json!({ "aud": [AUDIENCE, "x"] })), "wrong_audience"),
        (
            issuer.id_token_with(
                AUDIENCE,
                &json!({ "workflow_ref": "acme/widget/.github/workflows/x.yml@refs/tags/v1" }),
            ),
            "claim_mismatch",
        ),
    ] {
        let reply = exchange(&broker, &authorized(&jwt), BODY).await;
        assert_eq!((reply.status, &reply.json()["reason"]), (401, &json!(reason)), "{}", reply.body);
        assert_eq!(reply.json()["error"], reply.json()["detail"]);
        assert_eq!(reply.header("www-authenticate"), "bearer realm=\"trustmint\"");
    }
}
