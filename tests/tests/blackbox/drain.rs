//! A stop is a drain: what runs is answered, nothing new begins, and every event is written.

use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpStream;
use trustmint_tests::broker::{AUDIENCE, ID_TOKEN, TOKEN_EXCHANGE};
use trustmint_tests::raw::{self, Raw, authority};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

/// A native exchange, cut in two in the middle of its body.
fn halves(id_token: &str) -> (String, String) {
    let body = format!(
        "grant_type={}&subject_token_type={}&subject_token={id_token}",
        TOKEN_EXCHANGE.replace(':', "%3A"),
        ID_TOKEN.replace(':', "%3A")
    );
    let request = raw::post("/oauth/token", "content-type: application/x-www-form-urlencoded\r\n", &body);
    let (first, second) = request.split_at(request.len() - 500);
    (first.to_owned(), second.to_owned())
}

async fn refuses_connections(url: &str) -> bool {
    TcpStream::connect(authority(url)).await.is_err()
}

/// A request whose body is still on its way when the signal comes.
async fn drains_on(signal: &str) {
    let issuer = Issuer::start().await;
    let mut broker = Setup::new(&issuer).start().await;
    let spent = issuer.id_token(AUDIENCE);
    assert_eq!(broker.exchange(&spent).await.status, 200);
    assert_eq!(broker.exchange(&spent).await.reason(), "replayed");

    let mut idle = Raw::connect(&broker.public).await;
    idle.send(raw::get("/_/oidc/audience", "")).await;
    assert_eq!(idle.reply().await.status, 200);
    let (first, second) = halves(&issuer.id_token(AUDIENCE));
    let mut running = Raw::connect(&broker.public).await;
    running.send(first).await;
    // Connections are accepted in order, and this one is answered.
    assert_eq!(broker.get("/_/oidc/audience").await.status, 200);

    broker.signal(signal);
    for door in [&broker.public, &broker.ops, &broker.admin] {
        broker.until("new connections are refused", async || refuses_connections(door).await).await;
    }
    assert!(idle.until_closed(b"").await < Duration::from_secs(5), "an idle connection ends at once");
    running.send(second).await;
    let reply = running.reply().await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("connection"), "close");
    running.until_closed(b"").await;

    assert_eq!(broker.ended().await.code(), Some(0), "{}", broker.log());
    let outcomes: Vec<_> = broker.audit().iter().map(|event| event["outcome"].clone()).collect();
    assert_eq!(outcomes, ["minted", "denied", "minted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains_and_refuses_new_requests() {
    drains_on("TERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_drains_and_refuses_new_requests() {
    drains_on("INT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_timeout_ends_a_slow_drain() {
    let issuer = Issuer::start().await;
    let limits = "drain_timeout = \"300ms\"\nrequest_timeout = \"60s\"\n";
    let mut broker = Setup::new(&issuer).limits(limits).start().await;
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200);
    let (first, _) = halves(&issuer.id_token(AUDIENCE));
    let mut stuck = Raw::connect(&broker.public).await;
    stuck.send(first).await;
    assert_eq!(broker.get("/_/oidc/audience").await.status, 200);
    broker.signal("TERM");
    let took = stuck.until_closed(b"").await;
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(broker.ended().await.code(), Some(0), "{}", broker.log());
    assert_eq!(broker.audit().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connection_does_not_delay_shutdown() {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer).limits(
        "drain_timeout = \"60s\"\nrequest_timeout = \"60s\"\nfirst_request_timeout = \"60s\"\nheader_timeout = \"1s\"\n",
    );
    let certificate = trustmint_tests::tls::Certificate::for_loopback();
    setup.listen = "tls = { cert = \"tls.crt\", key = \"tls.key\" }\n".to_owned();
    setup.files.push(("tls.crt".to_owned(), certificate.chain.clone()));
    setup.files.push(("tls.key".to_owned(), certificate.key.clone()));
    let mut broker = setup.start().await;
    // In the middle of a TLS handshake, before a first request, and in the middle of a head.
    let mut handshake = Raw::connect(&broker.public).await;
    let mut silent = Raw::connect(&broker.ops).await;
    let mut head = Raw::connect(&broker.ops).await;
    head.send("GET /livez HTTP/1.1\r\n").await;
    let ready = broker.send(broker.http().get(format!("{}/livez", broker.ops))).await;
    assert_eq!(ready.status, 200);
    accepted(&broker, 4).await;

    broker.signal("TERM");
    for connection in [&mut handshake, &mut silent, &mut head] {
        let took = connection.until_closed(b"").await;
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
    assert_eq!(broker.ended().await.code(), Some(0), "{}", broker.log());
}

/// Waits until that many connections are open, the one that asks included.
async fn accepted(broker: &BrokerProcess, connections: u64) {
    broker
        .until("connections are accepted", async || {
            broker.metric("trustmint_connections").await >= connections
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_has_its_event_after_shutdown() {
    let issuer = Issuer::start().await;
    let mut broker = Setup::new(&issuer).start().await;
    let good: Vec<_> = (0..40).map(|_| issuer.id_token(AUDIENCE)).collect();
    let bad = issuer.id_token("elsewhere");
    let mut minted = Vec::new();
    for token in &good {
        minted.push(broker.exchange(token).await.json());
        assert_eq!(broker.exchange(&bad).await.reason(), "wrong_audience");
    }
    broker.signal("TERM");
    assert_eq!(broker.ended().await.code(), Some(0));
    let audit = broker.audit();
    let count = |outcome: &str| audit.iter().filter(|event: &&Value| event["outcome"] == outcome).count();
    assert_eq!((count("minted"), count("denied"), audit.len()), (40, 40, 80));
    assert!(minted.iter().all(|answer| answer["access_token"].is_string()));
}
