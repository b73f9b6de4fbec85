//! A reporter's keys: known ones keep working, unknown ones are asked for once a while, and replicas
//! share what one of them was told.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::reporter::{Endpoint, Reporter, ReporterKey, listing};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

async fn status(broker: &BrokerProcess, key: &ReporterKey) -> u16 {
    broker.leaks(key, &json!([])).await.status.as_u16()
}

async fn started(reporter: &Reporter) -> (BrokerProcess, Issuer) {
    let issuer = Issuer::start().await;
    let broker = reporter.trusted_by(Setup::new(&issuer)).start().await;
    broker.until("its keys are there", async || status(&broker, &reporter.key).await == 200).await;
    (broker, issuer)
}

#[tokio::test(flavor = "multi_thread")]
async fn reporter_key_outage_keeps_known_keys() {
    for (case, endpoint) in [
        ("down", Endpoint::Says(500, String::new())),
        ("rate limited", Endpoint::Says(403, "{}".to_owned())),
        ("elsewhere", Endpoint::Says(302, String::new())),
        ("slow", Endpoint::Stalls),
        ("no JSON", Endpoint::Says(200, "<html>".to_owned())),
        ("empty", Endpoint::Lists(json!({ "public_keys": [] }))),
        ("no keys", Endpoint::Lists(json!({ "public_keys": [{ "key_identifier": "x", "key": "y" }] }))),
        ("too large", Endpoint::Says(200, " ".repeat(300_000))),
    ] {
        let reporter = Reporter::start().await;
        let (broker, _issuer) = started(&reporter).await;
        reporter.endpoint(endpoint);
        let unknown = ReporterKey::new();
        let reply = broker.leaks(&unknown, &json!([])).await;
        assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (503, "issuer_unavailable"), "{case}");
        assert!(!reply.header("retry-after").is_empty(), "{case}");
        assert_eq!(status(&broker, &reporter.key).await, 200, "{case}: known keys work");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_reporter_key_is_fetched_on_first_use() {
    let reporter = Reporter::start().await;
    let (broker, _issuer) = started(&reporter).await;
    let next = ReporterKey::new();
    reporter.endpoint(Endpoint::Lists(listing([&reporter.key, &next])));
    assert_eq!(status(&broker, &next).await, 200);
    assert_eq!(status(&broker, &reporter.key).await, 200, "the one before is still listed");
    assert_eq!(reporter.fetches(), 2);
    assert_eq!(broker.metric("trustmint_reporter_keys{reporter=\"github\"}").await, 2);
    let fetches = "trustmint_reporter_fetches_total{reporter=\"github\",result=\"ok\"}";
    assert_eq!(broker.metric(fetches).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_reporter_keys_stay_within_fetch_limit() {
    let reporter = Reporter::start().await;
    let (broker, _issuer) = started(&reporter).await;
    let broker = Arc::new(broker);
    assert_eq!(reporter.fetches(), 1);
    let strangers: Vec<_> = (0..300)
        .map(|_| {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move {
                let reply = broker.leaks(&ReporterKey::new(), &json!([])).await;
                (reply.status.as_u16(), reply.reason())
            })
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(status(&broker, &reporter.key).await, 200, "in the middle of it");
    }
    for stranger in strangers {
        let (status, reason) = stranger.await.expect("no panic");
        // Anyone who came before the fetch was told for certain; all others are to come again.
        let told = matches!((status, reason.as_str()), (403, "unknown_key") | (503, "issuer_unavailable"));
        assert!(told, "{status} {reason}");
    }
    assert_eq!(reporter.fetches(), 2, "one at the start, and one for all of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_reporter_keys_during_an_outage() {
    let redis = RedisServer::start();
    let reporter = Reporter::start().await;
    let issuer = Issuer::start().await;
    let setup = reporter.trusted_by(Setup::new(&issuer).store_url(&redis.url()));
    let first = setup.clone().start().await;
    first.until("its keys are there", async || status(&first, &reporter.key).await == 200).await;
    // What one was told, the others need not ask.
    let second = setup.clone().start().await;
    assert_eq!(status(&second, &reporter.key).await, 200);
    assert_eq!(reporter.fetches(), 1);

    reporter.endpoint(Endpoint::Stalls);
    let third = setup.start().await;
    assert_eq!(status(&third, &reporter.key).await, 200, "it never reached the endpoint itself");

    // And after a restart, on the embedded store.
    let reporter = Reporter::start().await;
    let (broker, _issuer) = started(&reporter).await;
    reporter.endpoint(Endpoint::Says(500, String::new()));
    let broker = broker.crash_and_restart().await;
    let patience = Duration::from_secs(10);
    broker
        .until_within(patience, "its keys are there", async || status(&broker, &reporter.key).await == 200)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_address_of_a_reporter_is_never_connected_to() {
    let issuer = Issuer::start().await;
    // What counts is where a name leads, not how the address is written.
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let reporter = Reporter::start().await;
        let mut setup = reporter.trusted_by(Setup::new(&issuer));
        let usual = "allow_private = [\"127.0.0.0/8\"]\n";
        setup.registries = setup.registries.replace(usual, "").replace("127.0.0.1", host);
        let broker = setup.start().await;
        assert_eq!(broker.leaks(&reporter.key, &json!([])).await.reason(), "issuer_unavailable", "{host}");
        let refused = "trustmint_reporter_fetches_total{reporter=\"github\",result=\"refused_address\"}";
        assert!(broker.metric(refused).await > 0, "{host}");
        assert!(broker.log().contains("is at 127.0.0.1, which is not public"), "{host}");
        assert_eq!(reporter.server.connections(), 0, "{host}");
    }
}
