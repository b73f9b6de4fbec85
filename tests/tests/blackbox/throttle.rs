//! Rate limits: strangers by network, registry clients by client.

use trustmint_tests::broker::{AUDIENCE, CLIENT};
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup};

/// Few at once and one a second, so that a handful of requests is too many.
const STRICT: &str = "requests_per_second = 1\nrequest_burst = 4\n";
/// More than any limit here allows, on however slow a machine.
const MANY: usize = 60;

async fn strict(listen: &str) -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer).limits(STRICT);
    setup.listen = listen.to_owned();
    (issuer, setup.start().await)
}

/// GET as someone whom a proxy, or they themselves, call so.
async fn from(broker: &BrokerProcess, forwarded: &[u8]) -> Reply {
    let value = reqwest::header::HeaderValue::from_bytes(forwarded).expect("header");
    let request = broker.http().get(format!("{}/_/oidc/audience", broker.public));
    broker.send(request.header("x-forwarded-for", value)).await
}

/// How many of many requests are let through.
async fn passed<F: Future<Output = Reply>>(mut request: impl FnMut(usize) -> F) -> usize {
    let mut passed = 0;
    for number in 0..MANY {
        passed += usize::from(request(number).await.status != 429);
    }
    passed
}

fn assert_retry_after(reply: &Reply) {
    let seconds: u64 = reply.header("retry-after").parse().expect("whole seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.reason(), "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_is_429_in_each_dialect() {
    let (_issuer, broker) = strict("").await;
    assert!(passed(|_| broker.get("/_/oidc/audience")).await < MANY / 2);
    // One allowance for all public routes, odd ones included.
    for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
        let reply = broker.post_form(path, &[("token", "x")]).await;
        assert_eq!(reply.status, 429, "{path}: {}", reply.text);
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.json()["error"], "temporarily_unavailable", "{path}: {}", reply.text);
        assert!(reply.json()["error_description"].is_string());
        assert_retry_after(&reply);
    }
    let metadata = broker.get("/.well-known/oauth-authorization-server").await;
    assert_eq!((metadata.status.as_u16(), metadata.header("content-type")), (429, "application/json"));
    assert_retry_after(&metadata);
    for path in
        ["/_/oidc/audience", "/_/oidc/mint-token", "/_/oidc/burn-token", "/.well-known/pytp", "/nowhere", "/"]
    {
        let reply = broker.get(path).await;
        assert_eq!(reply.status, 429, "{path}: {}", reply.text);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let body = reply.json();
        assert_eq!((&body["status"], &body["errors"][0]["code"]), (&429.into(), &"rate_limited".into()));
        assert!(body["message"].is_string() && body["errors"][0]["description"].is_string(), "{body}");
        assert_retry_after(&reply);
    }
    // The listeners for operators have no such limit.
    for _ in 0..MANY {
        assert_eq!(broker.send(broker.http().get(format!("{}/livez", broker.ops))).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_recovers_and_spends_nothing() {
    let (issuer, broker) = strict("").await;
    let token = issuer.id_token(AUDIENCE);
    assert!(passed(|_| broker.get("/")).await < MANY / 2);
    assert_eq!(broker.exchange(&token).await.status, 429);
    broker
        .until("the limit passes", async || {
            let reply = broker.exchange(&token).await;
            assert!([200, 429].contains(&reply.status.as_u16()), "{}", reply.text);
            reply.status == 200
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn untrusted_x_forwarded_for_is_ignored() {
    let (_issuer, broker) = strict("").await;
    let spoofed = passed(|number| {
        let address = format!("192.0.2.{number}");
        let broker = &broker;
        async move { from(broker, address.as_bytes()).await }
    });
    assert!(spoofed.await < MANY / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_proxy_limits_each_client_network() {
    let (_issuer, broker) = strict("trusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n").await;
    let each = passed(|number| {
        let address = format!("192.0.2.{number}, 10.0.0.7");
        let broker = &broker;
        async move { from(broker, address.as_bytes()).await }
    });
    assert_eq!(each.await, MANY, "sixty clients behind one proxy");
    // What is left of the right-most stranger was written by that stranger.
    for prefix in [&b""[..], b"198.51.100.1, ", b"10.0.0.9, ", b"garbage, ", b"\xff\xfe, ", b", , "] {
        let hop = |number: usize| {
            let mut line = prefix.to_vec();
            line.extend(format!("203.0.113.{}", 1 + number % 2).bytes());
            line
        };
        let two = passed(|number| {
            let (broker, line) = (&broker, hop(number));
            async move { from(broker, &line).await }
        });
        assert!(two.await < MANY / 2, "{:?}", String::from_utf8_lossy(prefix));
    }
    // And the proxy's own allowance is no one's way out, nor anyone's trap.
    assert!(passed(|_| broker.get("/")).await < MANY / 2);
    let fresh = passed(|number| {
        let mut line = b"\xff\xfe, 198.51.100.".to_vec();
        line.extend(number.to_string().bytes());
        let broker = &broker;
        async move { from(broker, &line).await }
    });
    assert_eq!(fresh.await, MANY, "what a client wrote to the left hides the address that the proxy wrote");
    // The same address with a port, and as IPv6 writes it.
    for spelling in ["203.0.113.1:4711", "::ffff:203.0.113.1", "[::ffff:203.0.113.1]:80", " 203.0.113.1 "] {
        assert_eq!(from(&broker, spelling.as_bytes()).await.status, 429, "{spelling}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_is_limited_by_prefix_64() {
    let (_issuer, broker) = strict("trusted_proxies = [\"127.0.0.0/8\"]\n").await;
    let roaming = passed(|number| {
        let address = format!("2001:db8:1:2:{number:x}::{number:x}");
        let broker = &broker;
        async move { from(broker, address.as_bytes()).await }
    });
    assert!(roaming.await < MANY / 2);
    assert_eq!(from(&broker, b"[2001:db8:1:2::9]").await.status, 429, "as some proxies write it");
    assert_eq!(from(&broker, b"2001:db8:1:3::1").await.status, 200, "the neighbour's network");
}

async fn introspect(broker: &BrokerProcess, secret: &str) -> Reply {
    let request = broker.http().post(format!("{}/oauth/introspect", broker.public));
    broker.send(request.basic_auth(CLIENT.0, Some(secret)).form(&[("token", "x")])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_does_not_count_against_the_address() {
    let (_issuer, broker) = strict("").await;
    assert_eq!(passed(|_| introspect(&broker, CLIENT.1)).await, MANY);
    assert_eq!(
        broker.get("/_/oidc/audience").await.status,
        200,
        "the address has used none of its allowance"
    );
    // Nor does it wait for others at its address.
    assert!(passed(|_| broker.get("/")).await < MANY / 2);
    assert_eq!(introspect(&broker, CLIENT.1).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_authentication_counts_against_the_address() {
    let (_issuer, broker) = strict("").await;
    assert_eq!(introspect(&broker, "wrong").await.status, 401);
    assert!(passed(|_| introspect(&broker, "wrong")).await < MANY / 2);
    assert_eq!(broker.get("/_/oidc/audience").await.status, 429, "one allowance for everything");
    let reply = introspect(&broker, "wrong").await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (429, "application/json"));
    assert_retry_after(&reply);
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_is_limited_per_client() {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer).limits("introspections_per_second = 1\nintrospection_burst = 4\n");
    let second = format!(
        "\n[[registries.pypi.clients]]\nid = \"second\"\nsecret_sha256 = [\"{}\"]\n",
        trustmint_tests::broker::sha256_hex("second-secret")
    );
    setup.registries.push_str(&second);
    let broker = setup.start().await;
    assert!(passed(|_| introspect(&broker, CLIENT.1)).await < MANY / 2);
    let reply = introspect(&broker, CLIENT.1).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (429, "application/json"));
    assert_eq!(reply.json()["error"], "temporarily_unavailable");
    assert_retry_after(&reply);
    let request = broker.http().post(format!("{}/oauth/introspect", broker.public));
    let other =
        broker.send(request.basic_auth("second", Some("second-secret")).form(&[("token", "x")])).await;
    assert_eq!(other.status, 200, "the other client");
    assert_eq!(introspect(&broker, "wrong").await.status, 401, "the address");
}
