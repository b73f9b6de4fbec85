//! A hostname per registry.

use serde_json::json;
use trustmint_tests::broker::{CLIENT, ID_TOKEN, TOKEN_EXCHANGE, sha256_hex};
use trustmint_tests::raw::{Raw, RawReply};
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup};

/// Two PyPI-like registries and a generic one, each with a host.
async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer);
    setup.registries = format!(
        "[registries.left]\nkind = \"pypi\"\nhosts = [\"left.example.com\", \"alias.example.com:8443\"]\n\
         audiences = [\"left-audience\"]\n\n\
         [[registries.left.clients]]\nid = \"{}\"\nsecret_sha256 = [\"{}\"]\n\n\
         [registries.right]\nkind = \"pypi\"\nhosts = [\"right.example.com\"]\nupload_paths = [\"/upload\"]\n\n\
         [registries.things]\nkind = \"generic\"\nhosts = [\"things.example.com\"]\n",
        CLIENT.0,
        sha256_hex(CLIENT.1),
    );
    let policy = |registry: &str| {
        format!(
            "[[policy]]\nid = \"widget-{registry}\"\nissuer = \"github\"\nregistry = \"{registry}\"\n\
             packages = [\"widget\"]\nactions = [\"publish\"]\n\
             [policy.match]\nrepository_owner_id = \"9100048\"\nrepository_id = \"48124571\"\n\
             workflow_file = \"release.yml\"\nenvironment = \"pypi\"\n\n"
        )
    };
    let policies = policy("left") + &policy("right") + &policy("things");
    let broker = setup.policies(&policies).start().await;
    (issuer, broker)
}

async fn get(broker: &BrokerProcess, host: &str, path: &str) -> Reply {
    broker.send(broker.http().get(format!("{}{path}", broker.public)).header("host", host)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_host_selects_its_registry() {
    let (_issuer, broker) = stage().await;
    for (host, audience) in [
        ("left.example.com", "left-audience"),
        ("LEFT.example.COM", "left-audience"),
        ("left.example.com:443", "left-audience"),
        ("alias.example.com:8443", "left-audience"),
        ("right.example.com", "right.example.com"),
    ] {
        let reply = get(&broker, host, "/_/oidc/audience").await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, json!({ "audience": audience })), "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unlisted_authority_is_421() {
    let (_issuer, broker) = stage().await;
    let hosts = [
        "evil.example.com",
        "left.example.com.evil.example",
        "xleft.example.com",
        "alias.example.com",
        "alias.example.com:1",
        "left.example.com.",
        "left.example.com:443:443",
        "user@left.example.com",
        "127.0.0.1",
    ];
    let paths = ["/_/oidc/audience", "/.well-known/pytp?discover=/legacy/"];
    for host in hosts {
        for path in paths {
            let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
            misdirected(&Raw::once(&broker.public, request).await, host);
        }
        let request =
            format!("POST /_/oidc/mint-token HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n");
        misdirected(&Raw::once(&broker.public, request).await, host);
    }
}

fn misdirected(reply: &RawReply, case: &str) {
    assert_eq!(reply.status, 421, "{case}: {}", reply.body);
    assert_eq!(reply.json()["reason"], "unknown_target");
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert!(reply.json()["message"].is_string() && reply.json()["errors"][0]["code"] == "unknown_target");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_without_single_host_is_421() {
    let (_issuer, broker) = stage().await;
    for (case, request) in [
        ("two", "GET /_/oidc/audience HTTP/1.1\r\nhost: left.example.com\r\nhost: right.example.com\r\n\r\n"),
        ("none", "GET /_/oidc/audience HTTP/1.1\r\n\r\n"),
        ("HTTP/1.0", "GET /_/oidc/audience HTTP/1.0\r\n\r\n"),
        ("empty", "GET /_/oidc/audience HTTP/1.1\r\nhost:\r\n\r\n"),
        ("target", "GET http://evil.example/_/oidc/audience HTTP/1.1\r\nhost: left.example.com\r\n\r\n"),
    ] {
        misdirected(&Raw::once(&broker.public, request).await, case);
    }
    let absolute = "GET http://right.example.com/_/oidc/audience HTTP/1.1\r\nhost: left.example.com\r\n\r\n";
    let reply = Raw::once(&broker.public, absolute).await;
    assert_eq!(
        reply.json()["audience"],
        "right.example.com",
        "the target comes before `Host` (RFC 9112 §3.2.2)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarded_host_headers_are_ignored() {
    let (_issuer, broker) = stage().await;
    let said = "x-forwarded-host: right.example.com\r\nx-host: right.example.com\r\n\
                forwarded: host=right.example.com\r\nx-forwarded-proto: http\r\n";
    let request = |host: &str, path: &str| format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{said}\r\n");
    misdirected(
        &Raw::once(&broker.public, request("evil.example", "/_/oidc/audience")).await,
        "evil.example",
    );
    let path = "/.well-known/pytp?discover=/legacy/";
    let reply = Raw::once(&broker.public, request("left.example.com", path)).await;
    assert_eq!(
        reply.json()["audience-endpoint"],
        "https://left.example.com/_/oidc/audience",
        "{}",
        reply.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_of_other_kinds_are_404() {
    let (_issuer, broker) = stage().await;
    let reply = get(&broker, "things.example.com", "/_/oidc/audience").await;
    assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_repeats_configured_hosts_only() {
    let (_issuer, broker) = stage().await;
    for (host, query, base) in [
        ("left.example.com", "/legacy/", "https://left.example.com"),
        ("Left.Example.Com:8080", "/legacy/", "https://left.example.com"),
        ("alias.example.com:8443", "/legacy/", "https://alias.example.com:8443"),
        ("right.example.com", "/upload", "https://right.example.com"),
    ] {
        let reply = get(&broker, host, &format!("/.well-known/pytp?discover={query}")).await;
        assert_eq!(reply.status, 200, "{host}: {}", reply.text);
        assert_eq!(reply.json()["audience-endpoint"], format!("{base}/_/oidc/audience"));
        assert_eq!(reply.json()["token-mint-endpoint"], format!("{base}/_/oidc/mint-token"));
    }
    let other = get(&broker, "right.example.com", "/.well-known/pytp?discover=/legacy/").await;
    assert_eq!(other.status, 404, "the upload path of another registry");
}

#[tokio::test(flavor = "multi_thread")]
async fn native_routes_use_the_registry_of_the_host() {
    let (issuer, broker) = stage().await;
    let exchange = async |host: &str, audience: &str, more: &[(&str, &str)]| {
        let token = issuer.id_token(audience);
        let mut form = vec![
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token_type", ID_TOKEN),
            ("subject_token", token.as_str()),
        ];
        form.extend(more);
        let request = broker.http().post(format!("{}/oauth/token", broker.public)).header("host", host);
        broker.send(request.form(&form)).await
    };
    for (host, audience, prefix) in [
        ("left.example.com", "left-audience", "tm_left_"),
        ("right.example.com", "right.example.com", "tm_right_"),
        ("things.example.com", "things.example.com", "tm_things_"),
    ] {
        let reply = exchange(host, audience, &[]).await;
        assert_eq!(reply.status, 200, "{host}: {}", reply.text);
        assert!(reply.token().starts_with(prefix), "{host}");
    }
    // The parameter comes before the host.
    let reply = exchange("left.example.com", "right.example.com", &[("audience", "right")]).await;
    assert!(reply.token().starts_with("tm_right_"));
    let reply = exchange("left.example.com", "right.example.com", &[]).await;
    assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (400, "wrong_audience"));
    // On no one's host, someone must be named.
    let reply = exchange("publish.example.com", "left-audience", &[]).await;
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str()), (400, Some("invalid_target")));
    let reply = exchange("publish.example.com", "left-audience", &[("audience", "left-audience")]).await;
    assert!(reply.token().starts_with("tm_left_"));

    for host in ["left.example.com", "publish.example.com", "anything.example"] {
        let reply = get(&broker, host, "/.well-known/oauth-authorization-server").await;
        assert_eq!(reply.status, 200, "{host}");
        assert_eq!(reply.json()["token_endpoint"], "https://publish.example.com/oauth/token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registry_introspects_its_own_tokens_only() {
    let (issuer, broker) = stage().await;
    let request = broker.exchange_request(&issuer.id_token("right.example.com"));
    let token = broker.send(request.header("host", "right.example.com")).await.token();
    let introspect = broker.introspect(&token).await;
    assert_eq!((introspect.status.as_u16(), introspect.text.as_str()), (200, r#"{"active":false}"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn single_registry_without_hosts_serves_any_host() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    for host in ["a.example", "127.0.0.1:1", "pypi.example.com"] {
        assert_eq!(get(&broker, host, "/_/oidc/audience").await.status, 200, "{host}");
    }
    // With hosts, a single registry serves these only.
    let mut setup = Setup::new(&issuer);
    setup.registries =
        setup.registries.replace("kind = \"pypi\"\n", "kind = \"pypi\"\nhosts = [\"pypi.example.com\"]\n");
    let broker = setup.start().await;
    assert_eq!(get(&broker, "pypi.example.com", "/_/oidc/audience").await.status, 200);
    assert_eq!(get(&broker, "a.example", "/_/oidc/audience").await.status, 421);
}
