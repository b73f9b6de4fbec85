//! PyPI's dialect: the shapes that its clients read, to the byte.

use serde_json::{Value, json};
use trustmint_tests::broker::{AUDIENCE, PUBLIC_URL};
use trustmint_tests::claims::now;
use trustmint_tests::raw::{self, Raw};
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup};

const MINT: &str = "/_/oidc/mint-token";
const BURN: &str = "/_/oidc/burn-token";
const MEDIA_TYPE: &str = "application/vnd.pypi.pytp.v1+json";

async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    (issuer, broker)
}

/// What every refusal of this dialect looks like: warehouse's members beside RFC 9457's and ours.
fn assert_problem(reply: &Reply, status: u16, reason: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert_eq!(reply.header("cache-control"), "no-store");
    let body = reply.json();
    assert_eq!(body["reason"], reason, "{body}");
    assert_eq!(body["type"], format!("{PUBLIC_URL}/errors/{reason}"));
    assert_eq!(body["status"], status);
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{body}");
    let detail = body["detail"].as_str().expect("detail");
    assert!(!detail.is_empty());
    assert_eq!(body["message"], detail);
    assert_eq!(body["errors"], json!([{ "code": reason, "description": detail, "detail": detail }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_audience_is_announced() {
    let (_issuer, broker) = stage().await;
    let reply = broker.get("/_/oidc/audience").await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, r#"{"audience":"pypi.example.com"}"#));
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_mint_answers_like_warehouse() {
    let (issuer, broker) = stage().await;
    let before = now();
    let reply = broker.post_json(MINT, &json!({ "token": issuer.id_token(AUDIENCE) })).await;
    let after = now();
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("cache-control"), "no-store");
    let body = reply.json();
    let members: Vec<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["expires", "success", "token"]);
    assert_eq!(body["success"], true);
    let expires = body["expires"].as_u64().expect("a whole number");
    assert!((before + 900..=after + 900).contains(&expires), "{expires}");
    assert!(broker.is_active(&reply.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_mint_needs_no_content_type() {
    let (issuer, broker) = stage().await;
    for headers in ["", "content-type: application/x-www-form-urlencoded\r\n"] {
        let body = json!({ "token": issuer.id_token(AUDIENCE), "features": ["multi-use-token"] });
        let reply = Raw::once(&broker.public, raw::post(MINT, headers, &body.to_string())).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.json()["success"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_mint_error_is_422_with_errors() {
    let (issuer, broker) = stage().await;
    let spent = issuer.id_token(AUDIENCE);
    assert_eq!(broker.exchange(&spent).await.status, 200);
    let denied = [
        (spent, "replayed"),
        (issuer.id_token("pypi"), "wrong_audience"),
        (
            issuer.id_token_with(AUDIENCE, &json!({ "ref": "refs/heads/main", "ref_type": "branch" })),
            "claim_mismatch",
        ),
        (issuer.id_token_with(AUDIENCE, &json!({ "repository_id": "1" })), "no_matching_policy"),
        (issuer.id_token_with(AUDIENCE, &json!({ "iss": "https://elsewhere.example" })), "unknown_issuer"),
        ("no token".to_owned(), "malformed_token"),
        (String::new(), "malformed_token"),
    ];
    for (token, reason) in denied {
        assert_problem(&broker.post_json(MINT, &json!({ "token": token })).await, 422, reason);
    }
    let malformed = [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"token":1}"#,
        r#"{"token":null}"#,
        r#"{"token":["x"]}"#,
        r#"{"token":"x","token":"y"}"#,
        r#"{"token":"x","features":["single-use-token"]}"#,
        "token=x",
        "\u{feff}{\"token\":\"x\"}",
    ];
    for body in malformed {
        let request = broker.http().post(format!("{}{MINT}", broker.public)).body(body);
        assert_problem(&broker.send(request).await, 422, "malformed_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_refusal_names_the_claim_to_the_owner() {
    let (issuer, broker) = stage().await;
    let token = issuer.id_token_with(AUDIENCE, &json!({ "environment": "staging" }));
    let body = broker.post_json(MINT, &json!({ "token": token })).await.json();
    assert_eq!(body["claim"], "environment");
    assert_eq!(body["received"], "staging");
    assert_eq!(body["expected"], json!(["pypi"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_burn_is_202_and_revokes_the_token() {
    let (issuer, broker) = stage().await;
    let token = broker.post_json(MINT, &json!({ "token": issuer.id_token(AUDIENCE) })).await.token();
    for _ in 0..2 {
        let reply = broker.post_json(BURN, &json!({ "token": token })).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (202, ""));
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(!broker.is_active(&token).await);
    }
    let foreign =
        ["", "exm_pypi_", "pypi-AgEIcHlwaS5vcmc", "exm_pypi_0000000000000000000000000000000000000000"];
    for token in foreign {
        assert_eq!(broker.post_json(BURN, &json!({ "token": token })).await.status, 202, "{token}");
    }
    let request = broker.http().post(format!("{}{BURN}", broker.public)).body("{}");
    assert_problem(&broker.send(request).await, 422, "malformed_request");
}

async fn discover(broker: &BrokerProcess, query: &str, accept: &[&str]) -> Reply {
    let mut request = broker.http().get(format!("{}/.well-known/pytp{query}", broker.public));
    for line in accept {
        request = request.header("accept", *line);
    }
    broker.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn pep_807_discovery_uses_configured_urls() {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer);
    setup.registries = setup.registries.replace(
        "kind = \"pypi\"\n",
        "kind = \"pypi\"\nupload_paths = [\"/legacy/\", \"/simple upload/\"]\n",
    );
    let broker = setup.start().await;
    let expected = json!({
        "audience-endpoint": "https://publish.example.com/_/oidc/audience",
        "token-mint-endpoint": "https://publish.example.com/_/oidc/mint-token",
        "features": ["multi-use-token"],
        "default-features": ["multi-use-token"],
    });
    for query in ["?discover=%2Flegacy%2F", "?discover=/legacy/", "?discover=%2Fsimple%20upload%2F&x=y"] {
        let reply = discover(&broker, query, &[]).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.text);
        assert_eq!(reply.header("content-type"), MEDIA_TYPE);
        assert_eq!(reply.json(), expected);
    }
    for query in [
        "?discover=%2Flegacy",
        "?discover=%2F",
        "?discover=",
        "?discover=%2FLEGACY%2F",
        "?discover=/legacy/x",
    ] {
        assert_problem(&discover(&broker, query, &[]).await, 404, "not_found");
    }
    for query in ["", "?", "?other=/legacy/", "?discover=/legacy/&discover=/legacy/", "?discover=%ff"] {
        let reply = discover(&broker, query, &[]).await;
        assert!([400, 404].contains(&reply.status.as_u16()), "{query}: {}", reply.status);
        assert_problem(&reply, reply.status.as_u16(), reply.json()["reason"].as_str().expect("reason"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pep_807_discovery_negotiates_media_type() {
    let (_issuer, broker) = stage().await;
    let versioned = format!("text/html, {MEDIA_TYPE}; q=0.3");
    let fine: &[&[&str]] = &[
        &[],
        &[MEDIA_TYPE],
        &["*/*"],
        &["application/*"],
        &["text/html;q=0.9, */*;q=0.1"],
        &[&versioned],
        &["text/html", MEDIA_TYPE],
        &["APPLICATION/VND.PYPI.PYTP.V1+JSON"],
        &["application/vnd.pypi.pytp.v2+json, application/vnd.pypi.pytp.v1+json;q=0.001"],
        &["*/*;q=0, application/vnd.pypi.pytp.v1+json"],
    ];
    for accept in fine {
        let reply = discover(&broker, "?discover=/legacy/", accept).await;
        assert_eq!(reply.status, 200, "{accept:?}: {}", reply.text);
        assert_eq!(reply.header("content-type"), MEDIA_TYPE);
    }
    let refused: &[&[&str]] = &[
        &["application/vnd.pypi.pytp.v2+json"],
        &["text/html"],
        &["application/json"],
        &["text/*"],
        &["*/*;q=0"],
        &["*/*; q=0.000"],
        &["application/vnd.pypi.pytp.v1+json;q=0"],
        &["application/vnd.pypi.pytp.v1+json;q=0, */*"],
        &["application/*;q=0, */*;q=1"],
    ];
    for accept in refused {
        let reply = discover(&broker, "?discover=/legacy/", accept).await;
        assert_eq!(reply.status, 406, "{accept:?}: {}", reply.text);
        assert_problem(&reply, 406, "malformed_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_token_lives_at_least_fifteen_minutes() {
    let issuer = Issuer::start().await;
    let folder = tempfile::tempdir().expect("folder");
    for (ttl, fine) in [("14m 59s", false), ("15m", true), ("6h", true), ("6h 1s", false)] {
        let mut setup = Setup::new(&issuer);
        setup.registries = setup
            .registries
            .replace("kind = \"pypi\"\n", &format!("kind = \"pypi\"\ntoken_ttl = \"{ttl}\"\n"));
        setup.write(folder.path());
        let (code, _, errors) = trustmint_tests::broker::run(folder.path(), &["config", "check"]);
        assert_eq!(code, if fine { 0 } else { 2 }, "{ttl}: {errors}");
        assert_eq!(errors.contains("token_ttl"), !fine, "{ttl}: {errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_other_methods_are_405() {
    let (_issuer, broker) = stage().await;
    let routes =
        [("/_/oidc/audience", "GET,HEAD"), (MINT, "POST"), (BURN, "POST"), ("/.well-known/pytp", "GET,HEAD")];
    for (path, allow) in routes {
        for method in ["DELETE", "OPTIONS", "PATCH", "PUT", if allow == "POST" { "GET" } else { "POST" }] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).expect("method");
            let url = format!("{}{path}", broker.public);
            let reply = broker.send(broker.http().request(method.clone(), url)).await;
            assert_problem(&reply, 405, "malformed_request");
            assert_eq!(reply.header("allow"), allow, "{method} {path}");
        }
    }
    let head = broker.send(broker.http().head(format!("{}/_/oidc/audience", broker.public))).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), "31");
    assert_eq!(head.header("cache-control"), "no-store");
    let _: Value = broker.get("/_/oidc/audience").await.json();
}
