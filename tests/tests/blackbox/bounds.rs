//! Every bound of a connection has a name in `[limits]`, and holds.

use std::time::Duration;

use serde_json::json;
use trustmint_tests::broker::{ADMIN_TOKEN, AUDIENCE, run};
use trustmint_tests::raw::{self, Raw};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

const PATH: &str = "/_/oidc/audience";
/// All of them, so that the one that a test sets low is the one that fires.
const PATIENT: [&str; 4] = ["header_timeout", "first_request_timeout", "request_timeout", "idle_timeout"];

/// A broker where one time-out is short and all others are a minute.
async fn impatient(name: &str) -> BrokerProcess {
    let limits = PATIENT
        .map(|other| format!("{other} = \"{}\"\n", if other == name { "400ms" } else { "60s" }))
        .concat();
    Setup::new(&Issuer::start().await).limits(&limits).start().await
}

/// Not at once, and with much room for a slow machine far below the other time-outs.
fn assert_in_time(took: Duration) {
    assert!((Duration::from_millis(300)..Duration::from_secs(15)).contains(&took), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_request_timeout_closes_silent_connection() {
    let broker = impatient("first_request_timeout").await;
    for door in [&broker.public, &broker.ops, &broker.admin] {
        let mut silent = Raw::connect(door).await;
        assert_in_time(silent.until_closed(b"").await);
        assert_eq!(silent.said(), "");
        let mut slow = Raw::connect(door).await;
        assert_in_time(slow.until_closed("GET /x HTTP/1.1\r\nhost: ".repeat(30).as_bytes()).await);
    }
    // Who has asked once is not bound by it.
    let mut asked = Raw::connect(&broker.public).await;
    asked.send(raw::get(PATH, "")).await;
    assert_eq!(asked.reply().await.status, 200);
    assert!(asked.reply_within(Duration::from_millis(900)).await.is_none());
    asked.send(raw::get(PATH, "")).await;
    assert_eq!(asked.reply().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn header_timeout_closes_slow_head() {
    let broker = impatient("header_timeout").await;
    let drip = "x-drip: drip\r\n".repeat(60);
    let mut first = Raw::connect(&broker.public).await;
    first.send("GET /_/oidc/audience HTTP/1.1\r\n").await;
    assert_in_time(first.until_closed(drip.as_bytes()).await);

    let mut second = Raw::connect(&broker.public).await;
    second.send(raw::get(PATH, "")).await;
    assert_eq!(second.reply().await.status, 200);
    second.send("GET /_/oidc/audience HTTP/1.1\r\n").await;
    assert_in_time(second.until_closed(drip.as_bytes()).await);

    let mut blank = Raw::connect(&broker.public).await;
    assert_in_time(blank.until_closed("\r\n".repeat(400).as_bytes()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_timeout_closes_slow_body() {
    let broker = impatient("request_timeout").await;
    let half = "token=".repeat(4);
    let head = |path: &str, more: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: pypi.example.com\r\ncontent-length: 5000\r\n{more}\r\n{half}")
    };
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    for (path, content_type) in [
        ("/oauth/token", "application/json"),
        ("/oauth/revoke", "application/json"),
        ("/_/oidc/mint-token", "application/problem+json"),
        ("/_/oidc/burn-token", "application/problem+json"),
    ] {
        let mut raw = Raw::connect(&broker.public).await;
        raw.send(head(path, form)).await;
        let reply = raw.reply().await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (408, content_type),
            "{path}: {}",
            reply.body
        );
        assert_eq!(reply.header("cache-control"), "no-store");
        let body = reply.json();
        assert_eq!(body["reason"], "malformed_request", "{path}");
        if path.starts_with("/oauth") {
            assert_eq!(body["error"], "invalid_request", "{path}: {body}");
        } else {
            assert_eq!(body["errors"][0]["code"], "malformed_request", "{path}: {body}");
        }
        raw.until_closed(b"").await;
    }
    let mut admin = Raw::connect(&broker.admin).await;
    admin.send(head("/revoke", &format!("authorization: Bearer {ADMIN_TOKEN}\r\n"))).await;
    let reply = admin.reply().await;
    assert_eq!((reply.status, reply.json()["reason"].as_str()), (408, Some("malformed_request")));
    admin.until_closed(b"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_timeout_closes_idle_connection() {
    let broker = impatient("idle_timeout").await;
    for door in [&broker.public, &broker.ops] {
        let mut idle = Raw::connect(door).await;
        for _ in 0..3 {
            idle.send(raw::get("/livez", "")).await;
            idle.reply().await;
        }
        assert_in_time(idle.until_closed(b"").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).limits("connections = 2\n").start().await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(&broker.public).await;
        raw.send(raw::get(PATH, "")).await;
        assert_eq!(raw.reply().await.status, 200);
        open.push(raw);
    }
    let mut waiting = Raw::connect(&broker.public).await;
    waiting.send(raw::get(PATH, "")).await;
    assert!(waiting.reply_within(Duration::from_millis(500)).await.is_none(), "a third connection is served");
    assert_eq!(waiting.said(), "");
    // Who is inside goes on, and the other listeners have places of their own.
    open[0].send(raw::get(PATH, "")).await;
    assert_eq!(open[0].reply().await.status, 200);
    assert_eq!(
        broker.metric("trustmint_http_requests_total{route=\"/_/oidc/audience\",status=\"200\"}").await,
        3
    );
    drop(open.pop());
    assert_eq!(waiting.reply().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn body_bytes_bounds_every_body() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).limits("body_bytes = 4096\n").start().await;
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    for path in ["/oauth/token", "/oauth/revoke", "/_/oidc/mint-token", "/_/oidc/burn-token"] {
        for (length, refused) in [(4096, false), (4097, true), (16_000, true)] {
            let body = format!("token={}", "x".repeat(length - "token=".len()));
            let reply = Raw::once(&broker.public, raw::post(path, form, &body)).await;
            assert_eq!(reply.status == 413, refused, "{path} {length}: {}", reply.status);
            if refused {
                assert_eq!(reply.json()["reason"], "malformed_request");
                assert_eq!(reply.header("cache-control"), "no-store");
            }
        }
        // The end of a body that is too long is not waited for, whether its length is told or not.
        let endless = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{form}");
        let told = format!("{endless}content-length: 1000000000\r\n\r\n{}", "x".repeat(5000));
        assert_eq!(Raw::once(&broker.public, told).await.status, 413, "{path}");
        let chunk = format!("{endless}transfer-encoding: chunked\r\n\r\n1388\r\n{}\r\n", "x".repeat(5000));
        assert_eq!(Raw::once(&broker.public, chunk).await.status, 413, "{path}");
    }
    let token = issuer.id_token_with(AUDIENCE, &json!({ "filler": "x".repeat(4000) }));
    let reply = broker.exchange(&token).await;
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str()), (413, Some("invalid_request")));
}

#[tokio::test(flavor = "multi_thread")]
async fn id_token_bytes_bounds_every_id_token() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).limits("id_token_bytes = 3000\n").start().await;
    let reply =
        broker.exchange(&issuer.id_token_with(AUDIENCE, &json!({ "filler": "x".repeat(3000) }))).await;
    assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (400, "malformed_token"));
    assert_eq!(broker.signature_checks().await, 0, "it is refused before anything is computed");
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_head_bytes_bound_every_head() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).limits("headers = 20\nhead_bytes = 8192\n").start().await;
    for door in [&broker.public, &broker.ops, &broker.admin] {
        for (count, refused) in [(10, false), (19, false), (20, true), (500, true)] {
            // `host` is one of them.
            let lines = (0..count).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
            let reply = Raw::once(door, raw::get(PATH, &lines)).await;
            assert_eq!(reply.status == 431, refused, "{count} headers: {}", reply.status);
        }
        for (length, refused) in [(4000, false), (9000, true)] {
            let line = format!("x-long: {}\r\n", "y".repeat(length));
            let reply = Raw::once(door, raw::get(PATH, &line)).await;
            assert_eq!(reply.status == 431, refused, "{length} bytes: {}", reply.status);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_limit_is_checked_and_misspelling_is_an_error() {
    let issuer = Issuer::start().await;
    let folder = tempfile::tempdir().expect("folder");
    for (line, fine) in [
        ("headers = 1000", true),
        ("headers = 0", false),
        ("head_bytes = 8192", true),
        ("head_bytes = 8191", false),
        ("body_bytes = 1", false),
        ("connections = 0", false),
        ("idle_timeout = \"1s\"", true),
        ("idle_timeout = 60", false),
        ("request_timeout = \"0s\"", false),
        ("audit_queue = 0", false),
        ("store_timeout = \"3s\"", false),
        ("idle_time_out = \"1s\"", false),
    ] {
        Setup::new(&issuer).limits(&format!("{line}\n")).write(folder.path());
        let (code, _, errors) = run(folder.path(), &["config", "check"]);
        assert_eq!(code, if fine { 0 } else { 2 }, "{line}: {errors}");
        let name = line.split_once(' ').expect("a name").0;
        assert_eq!(errors.contains(name), !fine, "{line}: {errors}");
    }
}
