//! The dialect of crates.io: the requests of its login action and of cargo, to the byte.

use serde_json::json;
use trustmint_tests::raw::{Raw, RawReply};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

const HOST: &str = "crates.example.com";
const TOKENS: &str = "/api/v1/trusted_publishing/tokens";

async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let broker =
        Setup::new(&issuer).registry_of_kind("crates", HOST, &["acme_core", "acme-cli"]).start().await;
    (issuer, broker)
}

/// As `@actions/http-client` sends it for the login action.
async fn exchange(broker: &BrokerProcess, jwt: &str) -> RawReply {
    let body = json!({ "jwt": jwt }).to_string();
    let request = format!(
        "POST {TOKENS} HTTP/1.1\r\nhost: {HOST}\r\nconnection: keep-alive\r\nContent-Type: application/json\r\n\
         User-Agent: crates-io-auth-action/1.0.1\r\naccept: */*\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    Raw::once(&broker.public, request).await
}

async fn revoke(broker: &BrokerProcess, headers: &str) -> RawReply {
    let request = format!("DELETE {TOKENS} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: x\r\n{headers}\r\n");
    Raw::once(&broker.public, request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn crates_login_action_gets_and_revokes_a_token() {
    let (issuer, broker) = stage().await;
    // The action's audience is the registry's URL without its scheme.
    let reply = exchange(&broker, &issuer.id_token(HOST)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let token = reply.json()["token"].as_str().expect("token").to_owned();
    assert_eq!(reply.json(), json!({ "token": token }), "nothing else is said");
    assert_eq!(
        broker.introspect(&token).await.json()["scope"],
        "package:acme-cli:publish,create package:acme-core:publish,create",
        "one token for the whole workspace, names in their canonical form"
    );

    for _ in 0..2 {
        let burnt = revoke(&broker, &format!("Authorization: Bearer {token}\r\n")).await;
        assert_eq!((burnt.status, burnt.body.as_str()), (204, ""), "also the second time");
        assert!(!broker.is_active(&token).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bare_token_is_revoked() {
    let (issuer, broker) = stage().await;
    for scheme in ["", "bearer ", "BEARER  "] {
        let reply = exchange(&broker, &issuer.id_token(HOST)).await;
        let token = reply.json()["token"].as_str().expect("token").to_owned();
        assert_eq!(revoke(&broker, &format!("authorization: {scheme}{token}\r\n")).await.status, 204);
        assert!(!broker.is_active(&token).await, "{scheme:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_token_is_401() {
    let (_issuer, broker) = stage().await;
    for headers in [
        "",
        "authorization: \r\n",
        "authorization: Bearer\r\n",
        "authorization: Bearer x\r\n",
        "authorization: Basic eDp4\r\n",
        "authorization: token x\r\n",
        "authorization: Bearer exm_crates_0000000000000000000000000000000000000000\r\n",
        "authorization: Bearer exm_crates_x\r\nauthorization: Bearer exm_crates_x\r\n",
    ] {
        let reply = revoke(&broker, headers).await;
        assert_eq!(reply.status, 401, "{headers:?} {}", reply.body);
        assert_eq!(reply.json()["reason"], "unauthenticated");
        assert!(reply.json()["errors"][0]["detail"].is_string(), "{}", reply.body);
        assert_eq!(reply.header("www-authenticate"), "bearer realm=\"trustmint\"");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crates_refusal_is_400_with_detail() {
    let (issuer, broker) = stage().await;
    let spent = issuer.id_token(HOST);
    assert_eq!(exchange(&broker, &spent).await.status, 200);
    for (jwt, reason) in [
        (spent, "replayed"),
        (issuer.id_token("crates.io"), "wrong_audience"),
        (issuer.id_token_with(HOST, &json!({ "repository_id": "1" })), "no_matching_policy"),
        (issuer.id_token_with(HOST, &json!({ "event_name": "pull_request_target" })), "dangerous_event"),
        ("nonsense".to_owned(), "malformed_token"),
    ] {
        let reply = exchange(&broker, &jwt).await;
        assert_eq!((reply.status, &reply.json()["reason"]), (400, &json!(reason)), "{}", reply.body);
        assert_eq!(reply.json()["errors"][0]["detail"], reply.json()["detail"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn request_without_user_agent_is_403() {
    let (issuer, broker) = stage().await;
    let body = json!({ "jwt": issuer.id_token(HOST) }).to_string();
    for agent in ["", "user-agent: \r\n"] {
        let request = format!(
            "POST {TOKENS} HTTP/1.1\r\nhost: {HOST}\r\n{agent}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(Raw::once(&broker.public, request).await.status, 403);
    }
    assert_eq!(broker.send(broker.http().put(format!("{}{TOKENS}", broker.public))).await.status, 405);
}
