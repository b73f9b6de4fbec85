//! RFC 8693 and RFC 7523 at `/oauth/token`: what a client asks for, and how it is told what is wrong.

use serde_json::json;
use trustmint_tests::broker::{AUDIENCE, ID_TOKEN, PUBLIC_URL, TOKEN_EXCHANGE};
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const OTHER_AUDIENCE: &str = "private.example.com";

/// Two registries, of which `private` has no policy for anyone.
async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer);
    setup.registries =
        setup.registries.replacen("kind = \"pypi\"", "kind = \"pypi\"\nhosts = [\"pypi.example.com\"]", 1);
    setup
        .registries
        .push_str("[registries.private]\nkind = \"generic\"\naudiences = [\"private.example.com\"]\n");
    (issuer, setup.start().await)
}

/// A good token exchange, with these parameters set, added or (where empty) left out.
async fn exchange(broker: &BrokerProcess, id_token: &str, changes: &[(&str, &str)]) -> Reply {
    let mut form = vec![
        ("grant_type", TOKEN_EXCHANGE),
        ("subject_token_type", ID_TOKEN),
        ("subject_token", id_token),
        ("audience", "pypi"),
    ];
    form.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    form.extend(changes);
    broker.post_form("/oauth/token", &form).await
}

fn assert_refused(what: &str, reply: &Reply, status: u16, error: &str, reason: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.text);
    let body = reply.json();
    assert_eq!(
        (body["error"].as_str(), body["reason"].as_str()),
        (Some(error), Some(reason)),
        "{what}: {body}"
    );
    assert!(body["error_description"].is_string() && body["access_token"].is_null(), "{what}: {body}");
    assert_eq!(reply.header("content-type"), "application/json", "{what}");
    assert_eq!(reply.header("cache-control"), "no-store", "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_exchange_is_refused_and_spends_nothing() {
    let (issuer, broker) = stage().await;
    let id_token = issuer.id_token(AUDIENCE);
    let token = id_token.as_str();
    let saml = "urn:ietf:params:oauth:token-type:saml2";
    let refresh = "urn:ietf:params:oauth:token-type:refresh_token";
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("no grant_type", &[("grant_type", "")]),
        ("grant_type twice", &[("grant_type", TOKEN_EXCHANGE), ("grant_type", TOKEN_EXCHANGE)]),
        ("no subject_token", &[("subject_token", "")]),
        ("subject_token twice", &[("subject_token", token), ("subject_token", token)]),
        ("no subject_token_type", &[("subject_token_type", "")]),
        ("subject_token_type twice", &[("subject_token_type", ID_TOKEN), ("subject_token_type", ID_TOKEN)]),
        ("a SAML assertion", &[("subject_token_type", saml)]),
        ("an access token", &[("subject_token_type", ACCESS_TOKEN)]),
        ("a refresh token wanted", &[("requested_token_type", refresh)]),
        ("an ID token wanted", &[("requested_token_type", ID_TOKEN)]),
        ("an actor", &[("actor_token", token), ("actor_token_type", ID_TOKEN)]),
        ("an actor without type", &[("actor_token", token)]),
        ("a type without actor", &[("actor_token_type", ID_TOKEN)]),
        ("scope twice", &[("scope", "package:widget:publish"), ("scope", "package:widget:publish")]),
    ];
    for (what, changes) in cases {
        let reply = exchange(&broker, token, changes).await;
        assert_refused(what, &reply, 400, "invalid_request", "malformed_request");
    }
    for grant in ["authorization_code", "client_credentials", "password", "TOKEN-EXCHANGE", " "] {
        let reply = exchange(&broker, token, &[("grant_type", grant)]).await;
        assert_refused(grant, &reply, 400, "unsupported_grant_type", "malformed_request");
    }
    let url = format!("{}/oauth/token", broker.public);
    let form = format!(
        "grant_type={TOKEN_EXCHANGE}&subject_token_type={ID_TOKEN}&subject_token={token}&audience=pypi"
    );
    for content_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
        let request = broker.http().post(&url).header("content-type", content_type).body(form.clone());
        let reply = broker.send(request).await;
        assert_refused(content_type, &reply, 400, "invalid_request", "malformed_request");
    }
    let reply = broker.get(&format!("/oauth/token?{form}")).await;
    assert_refused("GET", &reply, 405, "invalid_request", "malformed_request");
    assert_eq!(reply.header("allow"), "POST");
    let huge = format!("{form}&padding={}", "x".repeat(70_000));
    let request = broker.http().post(&url).header("content-type", "application/x-www-form-urlencoded");
    assert_refused(
        "a huge body",
        &broker.send(request.body(huge)).await,
        413,
        "invalid_request",
        "malformed_request",
    );

    // Parameters in the URL count for nothing, unknown and empty ones are skipped (RFC 6749 §3.2).
    let request = broker.http().post(format!("{url}?audience=private"));
    let request = request.header("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
    let reply = broker.send(request.body(format!("{form}&scope=&unknown=1&unknown=2&actor_token="))).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["issued_token_type"], ACCESS_TOKEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn target_must_name_one_configured_registry() {
    let (issuer, broker) = stage().await;
    let id_token = issuer.id_token(AUDIENCE);
    let fragment = format!("{AUDIENCE}#fragment");
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("unknown", &[("audience", "npm")]),
        ("unknown resource", &[("resource", "https://elsewhere.example")]),
        ("a resource with a fragment", &[("audience", ""), ("resource", fragment.as_str())]),
        ("in capitals", &[("audience", "PYPI")]),
        ("one known, one unknown", &[("audience", "pypi"), ("audience", "npm")]),
        ("two of ours", &[("audience", "pypi"), ("audience", "private")]),
        ("two of ours, one as a resource", &[("audience", "pypi"), ("resource", OTHER_AUDIENCE)]),
        ("none, where there are two", &[("audience", "")]),
    ];
    for (what, changes) in cases {
        let reply = exchange(&broker, &id_token, changes).await;
        assert_refused(what, &reply, 400, "invalid_target", "unknown_target");
    }
    let reply = exchange(&broker, &id_token, &[("audience", "private")]).await;
    assert_refused("made for another registry", &reply, 400, "invalid_request", "wrong_audience");
    assert_eq!(reply.json()["expected"], json!([OTHER_AUDIENCE]));
    let same: &[(&str, &str)] = &[("audience", "pypi"), ("audience", AUDIENCE), ("resource", "pypi")];
    assert_eq!(exchange(&broker, &id_token, same).await.status, 200, "the same registry, three times");
    let for_us = issuer.id_token(PUBLIC_URL);
    let reply = exchange(&broker, &for_us, &[("audience", "private")]).await;
    assert_refused("no policy there", &reply, 400, "invalid_request", "no_matching_policy");
    assert_eq!(exchange(&broker, &for_us, &[]).await.status, 200, "our own identifier is an audience here");
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_bearer_audience_is_the_public_url() {
    let (issuer, broker) = stage().await;
    let present = async |assertion: &str| {
        let form = [("grant_type", JWT_BEARER), ("assertion", assertion), ("audience", "pypi")];
        broker.post_form("/oauth/token", &form).await
    };
    for aud in [
        json!(AUDIENCE),
        json!([PUBLIC_URL, AUDIENCE]),
        json!([PUBLIC_URL, "https://other.example"]),
        json!([PUBLIC_URL, PUBLIC_URL]),
        json!(format!("{PUBLIC_URL}/")),
        json!(format!("{PUBLIC_URL}/oauth/token")),
        json!("pypi"),
        json!([]),
    ] {
        let reply = present(&issuer.id_token_with(AUDIENCE, &json!({ "aud": aud }))).await;
        assert_refused(&aud.to_string(), &reply, 400, "invalid_grant", "wrong_audience");
    }
    let refused = [
        (present("nonsense").await, "malformed_token"),
        (present(&issuer.id_token_with(PUBLIC_URL, &json!({ "sub": null }))).await, "missing_claim"),
        (present(&issuer.id_token_with(PUBLIC_URL, &json!({ "exp": 1, "iat": 0 }))).await, "expired"),
        (
            present(&issuer.id_token_with(PUBLIC_URL, &json!({ "repository_id": "1" }))).await,
            "no_matching_policy",
        ),
    ];
    for (reply, reason) in &refused {
        assert_refused(reason, reply, 400, "invalid_grant", reason);
    }
    let good = issuer.id_token(PUBLIC_URL);
    let token = present(&good).await.token();
    assert!(broker.is_active(&token).await);
    assert_refused("again", &present(&good).await, 400, "invalid_grant", "replayed");
    assert_eq!(present(&issuer.id_token_with(AUDIENCE, &json!({ "aud": [PUBLIC_URL] }))).await.status, 200);
    let without =
        broker.post_form("/oauth/token", &[("grant_type", JWT_BEARER), ("subject_token", &good)]).await;
    assert_refused("no assertion", &without, 400, "invalid_request", "malformed_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn requested_scope_narrows_and_never_widens() {
    let (issuer, broker) = stage().await;
    let details = |list: serde_json::Value| list.to_string();
    let widget = json!({ "type": "package", "identifier": "widget", "actions": ["publish"] });
    for (name, value, granted) in [
        ("scope", "package:widget:publish".to_owned(), "package:widget:publish"),
        (
            "scope",
            "package:WIDGET_extras:create package:widget:publish".to_owned(),
            "package:widget:publish package:widget-extras:create",
        ),
        ("authorization_details", details(json!([widget])), "package:widget:publish"),
    ] {
        let reply = exchange(&broker, &issuer.id_token(AUDIENCE), &[(name, &value)]).await;
        assert_eq!(reply.status, 200, "{value}: {}", reply.text);
        assert_eq!(reply.json()["scope"], granted, "{value}");
        assert_eq!(broker.introspect(&reply.token()).await.json()["scope"], granted, "{value}");
        let echoed = &reply.json()["authorization_details"];
        assert_eq!(echoed.is_null(), name == "scope", "details are echoed to who sent them: {echoed}");
    }

    let id_token = issuer.id_token(AUDIENCE);
    for scope in [
        "package:widget:yank",
        "package:widget:publish,yank",
        "package:widget:publish package:gadget:publish",
        "package:gadget:publish",
    ] {
        let reply = exchange(&broker, &id_token, &[("scope", scope)]).await;
        assert_refused(scope, &reply, 400, "invalid_scope", "not_covered");
    }
    for scope in [
        "publish",
        "package:widget",
        "package:widget:",
        "package:*:publish",
        "package:widget:PUBLISH",
        "openid",
    ] {
        let reply = exchange(&broker, &id_token, &[("scope", scope)]).await;
        assert_refused(scope, &reply, 400, "invalid_scope", "malformed_request");
    }
    let beyond = details(json!([{ "type": "package", "identifier": "gadget", "actions": ["publish"] }]));
    let reply = exchange(&broker, &id_token, &[("authorization_details", &beyond)]).await;
    assert_refused("beyond", &reply, 400, "invalid_scope", "not_covered");
    for bad in [
        "[]".to_owned(),
        "{}".to_owned(),
        "nonsense".to_owned(),
        details(json!([{ "type": "payment", "identifier": "widget", "actions": ["publish"] }])),
        details(json!([{ "type": "package", "identifier": "widget", "actions": [] }])),
        details(json!([{ "type": "package", "identifier": "widget", "actions": ["own"] }])),
        details(json!([{ "type": "package", "identifier": "-", "actions": ["publish"] }])),
        details(json!([{ "type": "package", "identifier": "widget" }])),
        details(
            json!([{ "type": "package", "identifier": "widget", "actions": ["publish"], "locations": [] }]),
        ),
    ] {
        let reply = exchange(&broker, &id_token, &[("authorization_details", &bad)]).await;
        assert_refused(&bad, &reply, 400, "invalid_authorization_details", "malformed_request");
    }
    assert_eq!(exchange(&broker, &id_token, &[]).await.status, 200, "no refusal spent it");
}
