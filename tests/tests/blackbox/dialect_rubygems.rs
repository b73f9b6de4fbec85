//! The dialect of RubyGems.org: the requests of its credentials action, to the byte.

use serde_json::{Value, json};
use trustmint_tests::raw::{Raw, RawReply};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

const HOST: &str = "gems.example.com";

async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).registry_of_kind("rubygems", HOST, &["acme-core"]).start().await;
    (issuer, broker)
}

/// As the action's `@actions/http-client` sends it.
async fn exchange(broker: &BrokerProcess, body: &Value) -> RawReply {
    let body = body.to_string();
    let request = format!(
        "POST /api/v1/oidc/trusted_publisher/exchange_token HTTP/1.1\r\ncontent-type: application/json; charset=utf-8\r\n\
         accept: application/json\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Raw::once(&broker.public, request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rubygems_action_gets_an_api_key() {
    let (issuer, broker) = stage().await;
    let reply = exchange(&broker, &json!({ "jwt": issuer.id_token(HOST) })).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let body = reply.json();
    assert_eq!(body["scopes"], json!(["push_rubygem"]));
    let key = body["rubygems_api_key"].as_str().expect("a key");
    assert!(broker.is_active(key).await);
    assert!(body["name"].as_str().is_some_and(|name| name.starts_with("rubygems 20")), "{body}");
    assert!(body["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rubygems_refusal_is_404_only_without_a_policy() {
    let (issuer, broker) = stage().await;
    let spent = issuer.id_token(HOST);
    assert_eq!(exchange(&broker, &json!({ "jwt": spent })).await.status, 201);
    for (jwt, status, reason) in [
        (spent, 401, "replayed"),
        (issuer.id_token("rubygems.org"), 401, "wrong_audience"),
        (issuer.id_token_with(HOST, &json!({ "environment": null })), 403, "claim_mismatch"),
        (issuer.id_token_with(HOST, &json!({ "repository_owner_id": "1" })), 404, "no_matching_policy"),
        ("x.y.z".to_owned(), 400, "malformed_token"),
    ] {
        let reply = exchange(&broker, &json!({ "jwt": jwt })).await;
        assert_eq!((reply.status, &reply.json()["reason"]), (status, &json!(reason)), "{}", reply.body);
        assert!(reply.json()["error"].as_str().is_some_and(|error| !error.is_empty()));
    }
    for body in [json!({}), json!({ "jwt": 1 }), json!([]), json!({ "jwt": null })] {
        let reply = exchange(&broker, &body).await;
        assert_eq!((reply.status, &reply.json()["reason"]), (400, &json!("malformed_request")), "{body}");
        assert!(reply.json()["error"].is_string());
    }
}
