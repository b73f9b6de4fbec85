//! The native routes' shapes: RFC 8414 metadata, RFC 7009 revocation, RFC 6749 errors.

use serde_json::json;
use trustmint_tests::broker::{AUDIENCE, CLIENT};
use trustmint_tests::raw::{self, Raw};
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup};

const METADATA: &str = "/.well-known/oauth-authorization-server";
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    (issuer, broker)
}

/// RFC 6749 §5.2, and `reason` beside it.
fn assert_oauth_error(reply: &Reply, status: u16, error: &str, reason: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("cache-control"), "no-store");
    let body = reply.json();
    assert_eq!((body["error"].as_str(), body["reason"].as_str()), (Some(error), Some(reason)), "{body}");
    let description = body["error_description"].as_str().expect("error_description");
    let allowed = |letter: char| matches!(letter, ' '..='~') && letter != '"' && letter != '\\';
    assert!(!description.is_empty() && description.chars().all(allowed), "{description}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_follows_rfc_8414() {
    let (_issuer, broker) = stage().await;
    let reply = broker.get(METADATA).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(
        reply.json(),
        json!({
            "issuer": "https://publish.example.com",
            "token_endpoint": "https://publish.example.com/oauth/token",
            "introspection_endpoint": "https://publish.example.com/oauth/introspect",
            "revocation_endpoint": "https://publish.example.com/oauth/revoke",
            "grant_types_supported": [
                "urn:ietf:params:oauth:grant-type:token-exchange",
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["none"],
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "authorization_details_types_supported": ["package"],
        })
    );
    for (_, url) in
        reply.json().as_object().expect("an object").iter().filter(|(name, _)| name.ends_with("_endpoint"))
    {
        let path =
            url.as_str().and_then(|url| url.strip_prefix("https://publish.example.com")).expect("ours");
        let status = broker.post_form(path, &[]).await.status.as_u16();
        assert!([400, 401].contains(&status), "{path}: {status}");
    }
    // A path of the issuer's would go behind the well-known one; there is none here.
    assert_eq!(broker.get(&format!("{METADATA}/elsewhere")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_is_200_for_any_token() {
    let (issuer, broker) = stage().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    let other = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    let form = [("token", token.as_str()), ("token_type_hint", "refresh_token"), ("unknown", "x")];
    for _ in 0..2 {
        let reply = broker.post_form("/oauth/revoke", &form).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, ""));
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(!broker.is_active(&token).await);
    }
    let cut = &other[..other.len() - 1];
    let swapped = format!("{cut}{}", if other.ends_with('0') { '1' } else { '0' });
    for unknown in
        ["x", "ghp_0123456789", "exm_pypi_", cut, &swapped, &format!("{other}0"), &format!("{other} x")]
    {
        let reply = broker.revoke(unknown).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, ""), "{unknown}");
    }
    assert!(broker.is_active(&other).await, "it kills that token only");

    for form in [&[][..], &[("token", "")], &[("token", "a"), ("token", "b")], &[("tokens", &other)]] {
        let reply = broker.post_form("/oauth/revoke", form).await;
        assert_oauth_error(&reply, 400, "invalid_request", "malformed_request");
    }
    let json = broker.post_json("/oauth/revoke", &json!({ "token": other })).await;
    assert_oauth_error(&json, 400, "invalid_request", "malformed_request");
    let in_url = broker.get(&format!("/oauth/revoke?token={other}")).await;
    assert_oauth_error(&in_url, 405, "invalid_request", "malformed_request");
    assert!(broker.is_active(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pasted_token_is_revoked() {
    let (issuer, broker) = stage().await;
    for (before, after) in [
        (" ", ""),
        ("", "\n"),
        ("\t", "\r\n"),
        ("\"", "\""),
        ("'", "'"),
        ("`", "`"),
        ("Bearer ", ""),
        ("bearer  ", "\n"),
        ("\"Bearer ", "\""),
        ("Bearer \"", "\"\n"),
    ] {
        let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
        let reply = broker.revoke(&format!("{before}{token}{after}")).await;
        assert_eq!(reply.status, 200);
        assert!(!broker.is_active(&token).await, "{before:?} {after:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_405_with_allow_header() {
    let (_issuer, broker) = stage().await;
    for (path, allow) in [
        ("/oauth/token", "POST"),
        ("/oauth/revoke", "POST"),
        ("/oauth/introspect", "POST"),
        (METADATA, "GET,HEAD"),
    ] {
        for method in
            ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", if allow == "POST" { "GET" } else { "POST" }]
        {
            let method = reqwest::Method::from_bytes(method.as_bytes()).expect("method");
            let request = broker.http().request(method.clone(), format!("{}{path}", broker.public));
            let reply = broker.send(request.basic_auth(CLIENT.0, Some(CLIENT.1))).await;
            assert_oauth_error(&reply, 405, "invalid_request", "malformed_request");
            assert_eq!(reply.header("allow"), allow, "{method} {path}");
            assert_eq!(reply.header("access-control-allow-origin"), "", "nothing is for browsers");
        }
        let head = broker.send(broker.http().head(format!("{}{path}", broker.public))).await;
        let expected = match path {
            METADATA => 200,
            "/oauth/introspect" => 401,
            _ => 405,
        };
        assert_eq!((head.status.as_u16(), head.text.as_str()), (expected, ""), "{path}");
        assert_eq!(head.header("cache-control"), "no-store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_request_has_no_body_and_keeps_the_connection() {
    let (_issuer, broker) = stage().await;
    let mut raw = Raw::connect(&broker.public).await;
    for path in [METADATA, "/_/oidc/audience", "/oauth/token", "/nowhere"] {
        raw.send(raw::get(path, "").replacen("GET", "HEAD", 1)).await;
        raw.send(raw::get("/_/oidc/audience", "")).await;
        let both = raw.until_answered(2).await;
        assert_eq!(both.matches("HTTP/1.1 ").count(), 2, "{both}");
        assert_eq!(both.matches('{').count(), 1, "{path}: only the GET has a body: {both}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_get_an_error() {
    let (_issuer, broker) = stage().await;
    for (request, status) in [
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 404),
        ("CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 404),
        ("GET /%00 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 404),
        ("GET /%ff%fe/../%2e%2e/oauth HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 404),
        ("GET /oauth/token/ HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 404),
        (raw::post("/oauth/token", FORM, "grant_type=%ff&%00=%zz"), 400),
        (raw::post("/oauth/token", FORM, "&&&=&=&"), 400),
        (raw::post("/oauth/token", "content-type: \r\n", "grant_type=x"), 400),
        (raw::post("/oauth/introspect", "authorization: Basic \r\n", "token=x"), 401),
        (raw::post("/oauth/introspect", "authorization: Basic !!!\r\n", "token=x"), 401),
    ] {
        let reply = Raw::once(&broker.public, &request).await;
        assert_eq!(reply.status, status, "{request}: {}", reply.body);
        assert_eq!(reply.header("cache-control"), "no-store", "{request}");
        assert!(reply.json()["reason"].is_string(), "{request}: {}", reply.body);
    }
    // What is no HTTP/1.1 at all, or might be read in two ways, ends the connection.
    for request in [
        "GARBAGE\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!(
            "POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n{FORM}\r\nabc"
        ),
        format!("POST /oauth/token HTTP/1.1\r\nhost: x\r\ntransfer-encoding: x, identity\r\n{FORM}\r\nabc"),
        "GET /oauth/token HTTP/1.1\r\nhost : x\r\n\r\n".to_owned(),
        "GET /oauth/token HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n".to_owned(),
    ] {
        let mut raw = Raw::connect(&broker.public).await;
        raw.send(&request).await;
        if let Some(reply) = raw.reply_within(std::time::Duration::from_secs(20)).await {
            assert_eq!(reply.status, 400, "{request}: {}", reply.head);
        }
        raw.until_closed(b"").await;
    }
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
    assert_eq!(broker.get("/_/oidc/audience").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_are_not_cached_and_errors_have_reasons() {
    let (issuer, broker) = stage().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    let replies = [
        broker.introspect(&token.token()).await,
        broker.introspect("x").await,
        broker.post_form("/oauth/introspect", &[("token", "x")]).await,
        broker.exchange("x").await,
        broker.post_form("/oauth/token", &[("grant_type", "password")]).await,
        broker.post_json("/oauth/token", &json!({})).await,
        broker.post_json("/_/oidc/mint-token", &json!({ "token": "x" })).await,
        broker.post_json("/_/oidc/mint-token", &json!({})).await,
        broker.get("/.well-known/pytp").await,
        broker.get("/.well-known/pytp?discover=/x").await,
        broker.get("/.well-known/pytp?discover=/legacy/").await,
        broker.get("/oauth/token").await,
        broker.get("/nowhere").await,
        broker.get(METADATA).await,
        token,
    ];
    for reply in replies {
        assert_eq!(reply.header("cache-control"), "no-store", "{}", reply.text);
        if !reply.status.is_success() {
            let body = reply.json();
            assert!(body["reason"].is_string(), "{} {}", reply.status, reply.text);
        }
    }
}
