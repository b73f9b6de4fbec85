//! Three listeners: what is behind each, and who may enter.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::UnixStream;
use trustmint_tests::broker::{ADMIN_TOKEN, AUDIENCE, binary, run};
use trustmint_tests::raw::Raw;
use trustmint_tests::{BrokerProcess, Issuer, Setup};

async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    (issuer, broker)
}

#[tokio::test(flavor = "multi_thread")]
async fn ops_listener_serves_health_and_metrics_only() {
    let (issuer, broker) = stage().await;
    let get = async |path: &str| broker.send(broker.http().get(format!("{}{path}", broker.ops))).await;
    let live = get("/livez").await;
    assert_eq!((live.status.as_u16(), live.text.as_str()), (200, "ok\n"));
    let ready = get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.text);
    assert_eq!((&ready.json()["ready"], &ready.json()["policies"]), (&json!(true), &json!(1)));
    let metrics = get("/metrics").await;
    assert_eq!(metrics.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(metrics.text.ends_with("# EOF\n"), "OpenMetrics ends so");

    for path in ["/", "/revoke", "/cut-offs", "/oauth/token", "/_/oidc/audience", "/debug/pprof"] {
        assert_eq!(get(path).await.status, 404, "{path}");
    }
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    for path in ["/livez", "/readyz", "/metrics", "/revoke", "/oauth/introspect", "/oauth/revoke"] {
        let request = broker.http().post(format!("{}{path}", broker.ops)).bearer_auth(ADMIN_TOKEN);
        let reply = broker.send(request.form(&[("token", token.as_str())])).await;
        assert!([404, 405].contains(&reply.status.as_u16()), "{path}: {}", reply.status);
    }
    assert!(broker.is_active(&token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn public_listener_serves_no_ops_or_admin_routes() {
    let (issuer, broker) = stage().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    for path in ["/metrics", "/livez", "/readyz", "/revoke", "/suspend", "/resume", "/cut-offs", "/"] {
        for method in ["GET", "POST"] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).expect("method");
            let request = broker.http().request(method, format!("{}{path}", broker.public));
            let reply =
                broker.send(request.bearer_auth(ADMIN_TOKEN).json(&json!({ "registry": "pypi" }))).await;
            assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (404, "not_found"), "{path}");
            assert_eq!(reply.header("content-type"), "application/problem+json");
            assert_eq!(reply.header("cache-control"), "no-store");
        }
    }
    assert!(broker.is_active(&token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_listener_requires_its_token() {
    let (issuer, broker) = stage().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    let lower = ADMIN_TOKEN.to_uppercase();
    let wrong = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Bearer {ADMIN_TOKEN}x")),
        Some(format!("Bearer {}", &ADMIN_TOKEN[1..])),
        Some(format!("Bearer {lower}")),
        Some(format!("Basic {ADMIN_TOKEN}")),
        Some(ADMIN_TOKEN.to_owned()),
    ];
    for authorization in wrong {
        for path in ["/revoke", "/suspend", "/resume", "/cut-offs", "/nowhere"] {
            let mut request = broker.http().post(format!("{}{path}", broker.admin));
            if let Some(authorization) = &authorization {
                request = request.header("authorization", authorization);
            }
            let reply = broker.send(request.json(&json!({ "registry": "pypi" }))).await;
            assert_eq!(reply.status, 401, "{authorization:?} {path}");
            assert_eq!(reply.reason(), "unauthenticated");
            assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"trustmint\"");
        }
    }
    assert!(broker.is_active(&token).await);
    assert_eq!(broker.admin("/revoke", &json!({ "registry": "pypi" })).await.status, 204);
    assert!(!broker.is_active(&token).await);
    assert_eq!(broker.admin("/nowhere", &json!({})).await.status, 404);
    assert_eq!(broker.admin("/revoke", &json!({})).await.status, 400, "a cut-off without a selector");
}

/// A setup whose admin listener is a socket in its folder.
fn with_socket(issuer: &Issuer) -> Setup {
    let mut setup = Setup::new(issuer);
    setup.admin = "unix:admin.sock".to_owned();
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_socket_is_private_and_replaces_a_stale_one() {
    let issuer = Issuer::start().await;
    let broker = with_socket(&issuer).start().await;
    let path = broker.folder.path().join("admin.sock");
    let mode = || std::fs::metadata(&path).expect("the socket").permissions().mode() & 0o7777;
    assert_eq!(mode(), 0o600);

    let mut broker = broker;
    broker.kill();
    assert!(std::fs::metadata(&path).expect("left behind").file_type().is_socket());
    let mut broker = broker.crash_and_restart().await;
    assert_eq!(mode(), 0o600);
    let request = "GET /cut-offs HTTP/1.1\r\nhost: x\r\n";
    for (header, status) in [(String::new(), 401), (format!("authorization: Bearer {ADMIN_TOKEN}\r\n"), 200)]
    {
        let mut raw = Raw::over(UnixStream::connect(&path).await.expect("a connection"));
        raw.send(format!("{request}{header}\r\n")).await;
        assert_eq!(raw.reply().await.status, status);
    }
    broker.signal("TERM");
    assert!(broker.ended().await.success());
    assert!(!path.exists(), "a stop takes the socket away");
}

/// Starts the binary where it should end by itself; exit code and standard error.
fn ends(folder: &std::path::Path) -> (Option<i32>, String) {
    let mut child = Command::new(binary())
        .args(["serve", "--config", "trustmint.toml"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("errors")).expect("file"))
        .spawn()
        .expect("the binary under test");
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut code = None;
    while code.is_none() && Instant::now() < deadline {
        code = child.try_wait().expect("child").and_then(|status| status.code());
        std::thread::yield_now();
    }
    let _ = child.kill();
    let _ = child.wait();
    (code, std::fs::read_to_string(folder.join("errors")).expect("file"))
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_socket_never_replaces_a_file_or_live_socket() {
    let issuer = Issuer::start().await;
    let folder = tempfile::tempdir().expect("folder");
    with_socket(&issuer).write(folder.path());
    let path = folder.path().join("admin.sock");
    std::fs::write(&path, "precious").expect("file");
    let (code, errors) = ends(folder.path());
    assert_eq!(std::fs::read_to_string(&path).expect("still there"), "precious");
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("admin.sock"), "{errors}");

    std::fs::remove_file(&path).expect("removed");
    let in_use = std::os::unix::net::UnixListener::bind(&path).expect("listener");
    let (code, errors) = ends(folder.path());
    assert_eq!(code, Some(3), "{errors}");
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok(), "the other's socket is still its own");
    drop(in_use);
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_listener_must_be_loopback_or_unix() {
    let issuer = Issuer::start().await;
    let folder = tempfile::tempdir().expect("folder");
    for (admin, fine) in [
        ("0.0.0.0:9091", false),
        ("[::]:9091", false),
        ("10.0.0.1:9091", false),
        ("admin.example.com:9091", false),
        ("localhost:9091", false),
        ("127.0.0.1:9091", true),
        ("[::1]:9091", true),
        ("unix:admin.sock", true),
    ] {
        let mut setup = Setup::new(&issuer);
        setup.admin = admin.to_owned();
        let path = setup.write(folder.path());
        let (code, _, errors) = run(folder.path(), &["config", "check"]);
        assert_eq!(code, if fine { 0 } else { 2 }, "{admin}: {errors}");
        let line = std::fs::read_to_string(&path).expect("file");
        let line = line.lines().position(|line| line.starts_with("admin =")).expect("there") + 1;
        assert_eq!(errors.contains(&format!("trustmint.toml:{line}")), !fine, "{admin}: {errors}");
    }
    // And never without a token.
    for token in ["", "\n"] {
        Setup::new(&issuer).write(folder.path());
        std::fs::write(folder.path().join("admin-token"), token).expect("file");
        let (code, _, errors) = run(folder.path(), &["config", "check"]);
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains("admin_token_file"), "{errors}");
    }
    let path = Setup::new(&issuer).write(folder.path());
    let text = std::fs::read_to_string(&path).expect("file");
    std::fs::write(&path, text.replace("admin_token_file = \"admin-token\"\n", "")).expect("file");
    let (code, _, errors) = run(folder.path(), &["config", "check"]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("admin_token_file"), "{errors}");
}
