//! A store that is down or hangs: a bounded 503, nothing confirmed, and back by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::AsyncCommands as _;
use serde_json::json;
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::proxy::Proxy;
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup};

/// The stated deadline of every answer.
const DEADLINE: Duration = Duration::from_secs(2);

async fn readiness(broker: &BrokerProcess) -> Reply {
    broker.send(broker.http().get(format!("{}/readyz", broker.ops))).await
}

async fn until_ready(broker: &BrokerProcess) {
    broker.until("ready", || async { readiness(broker).await.status == 200 }).await;
}

/// Everything that needs the store is refused in time, and says when to come again.
async fn everything_is_refused(broker: &BrokerProcess, issuer: &Issuer, live: &str) {
    let begun = Instant::now();
    let in_time = |what: &'static str, answer| async move {
        let reply: Reply = answer;
        assert_eq!(reply.status, 503, "{what}: {}", reply.text);
        assert_eq!(reply.reason(), "store_unavailable", "{what}");
        assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0), "{what}");
        assert!(
            !reply.text.contains("exm_pypi_") && !reply.text.contains("active"),
            "{what}: {}",
            reply.text
        );
        assert!(begun.elapsed() < DEADLINE, "{what} took {:?}", begun.elapsed());
    };
    let id_token = issuer.id_token(AUDIENCE);
    tokio::join!(
        async { in_time("exchange", broker.exchange(&id_token).await).await },
        async { in_time("introspection", broker.introspect(live).await).await },
        async { in_time("revocation", broker.revoke(live).await).await },
        async { in_time("kill", broker.admin("/revoke", &json!({"registry": "other"})).await).await },
        async {
            let ready = readiness(broker).await;
            assert_eq!((ready.status.as_u16(), &ready.json()["store"]), (503, &json!(false)));
            assert!(begun.elapsed() < DEADLINE, "readiness took {:?}", begun.elapsed());
        },
    );
}

/// What was live is live again unless it was killed; new tokens are minted.
async fn service_resumes(broker: &BrokerProcess, issuer: &Issuer, live: &str) {
    until_ready(broker).await;
    broker.until("it is known", || async { broker.introspect(live).await.status == 200 }).await;
    assert!(broker.is_active(live).await);
    let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(broker.revoke(live).await.status, 200);
    assert!(!broker.is_active(live).await);
}

async fn started(issuer: &Issuer, url: &str) -> (BrokerProcess, String) {
    let broker = Setup::new(issuer).store_url(url).start().await;
    until_ready(&broker).await;
    let live = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    (broker, live)
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_redis_gives_503_and_service_resumes() {
    let issuer = Issuer::start().await;
    let mut redis = RedisServer::start();
    let (broker, live) = started(&issuer, &redis.url()).await;
    redis.kill();
    everything_is_refused(&broker, &issuer, &live).await;
    everything_is_refused(&broker, &issuer, &live).await;
    redis.start_again();
    service_resumes(&broker, &issuer, &live).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_redis_causes_no_error() {
    let issuer = Issuer::start().await;
    let mut redis = RedisServer::start();
    let (broker, live) = started(&issuer, &redis.url()).await;
    // All connections are warm, and dead when they are next used.
    let victim = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    assert_eq!(broker.revoke(&victim).await.status, 200);
    redis.kill();
    redis.start_again();
    assert_eq!(broker.revoke(&live).await.status, 200);
    assert!(!broker.is_active(&live).await);
    assert_eq!(broker.admin("/revoke", &json!({"registry": "other"})).await.status, 204);
    let revoked = broker.audit().iter().filter(|event| event["outcome"] == "revoked").count();
    assert_eq!(revoked, 2, "no action without its event");
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_redis_gives_503_and_service_resumes() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::start();
    let (broker, live) = started(&issuer, &redis.url()).await;
    // The revocation below may be carried out when Redis wakes up; the token of the others is another.
    let victim = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    redis.signal("STOP");
    everything_is_refused(&broker, &issuer, &victim).await;
    // New connections hang as well.
    everything_is_refused(&broker, &issuer, &victim).await;
    redis.signal("CONT");
    service_resumes(&broker, &issuer, &live).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_mint_answer_is_retried_with_the_same_hash() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::start();
    let proxy = Proxy::before(redis.port).await;
    let broker = Setup::new(&issuer).store_url(&format!("redis://127.0.0.1:{}/0", proxy.port)).start().await;
    until_ready(&broker).await;
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200);
    let mut connection = redis.connect().await;
    let records = |mut connection: redis::aio::MultiplexedConnection| async move {
        connection.keys::<_, Vec<String>>("trustmint:*:token:*").await.expect("keys").len()
    };
    let _: () = connection.set("marker", 1).await.expect("set");

    // The script runs, its answer waits; it comes within the deadline.
    let id_token = issuer.id_token(AUDIENCE);
    proxy.hold(true);
    let request = tokio::spawn(broker.exchange_request(&id_token).send());
    broker.until("the script has run", || async { records(connection.clone()).await == 2 }).await;
    let clients = |mut connection: redis::aio::MultiplexedConnection| async move {
        let list: String =
            redis::cmd("CLIENT").arg("LIST").query_async(&mut connection).await.expect("a list");
        list.lines().count()
    };
    let before = clients(connection.clone()).await;
    broker
        .until("the first attempt is given up", || async { clients(connection.clone()).await != before })
        .await;
    proxy.hold(false);
    let response = request.await.expect("no panic").expect("an answer");
    assert_eq!(response.status(), 200, "{}", response.text().await.expect("text"));
    assert_eq!(records(connection.clone()).await, 2, "the repeated mint found its own hash");
    assert_eq!(broker.exchange(&id_token).await.reason(), "replayed");

    // It does not come: no token left the process, though Redis has its record.
    let id_token = issuer.id_token(AUDIENCE);
    proxy.hold(true);
    let begun = Instant::now();
    let reply = broker.exchange(&id_token).await;
    assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (503, "store_unavailable"));
    assert!(begun.elapsed() < DEADLINE && !reply.text.contains("exm_pypi_"), "{}", reply.text);
    proxy.hold(false);
    until_ready(&broker).await;
    broker.until("it is refused", || async { broker.exchange(&id_token).await.reason() == "replayed" }).await;
    assert_eq!(records(connection).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn service_starts_while_redis_is_down() {
    let issuer = Issuer::start().await;
    let mut redis = RedisServer::start();
    redis.kill();
    let broker = Setup::new(&issuer).store_url(&redis.url()).start().await;
    let nobodys = "exm_pypi_000000000000000000000000000000000000";
    assert_eq!(readiness(&broker).await.status, 503);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.reason(), "store_unavailable");
    assert_eq!(broker.introspect(nobodys).await.json(), json!({"active": false}), "no token at all");
    redis.start_again();
    until_ready(&broker).await;
    let live = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    assert_eq!(live.status, 200, "{}", live.text);
    service_resumes(&broker, &issuer, &live.token()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_eviction_is_never_ready() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::with(&["--maxmemory-policy", "allkeys-lru"]);
    let broker = Setup::new(&issuer).store_url(&redis.url()).start().await;
    assert_eq!(readiness(&broker).await.status, 503);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.reason(), "store_unavailable");
    assert!(broker.log().contains("allkeys-lru"), "the log says why");
}

/// With cut-offs that cannot be read, what was switched off might be minted or confirmed.
#[tokio::test(flavor = "multi_thread")]
async fn stale_cut_offs_stop_minting_and_introspection() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::start();
    let (broker, live) = started(&issuer, &redis.url()).await;
    let mut connection = redis.connect().await;
    assert!(broker.is_active(&live).await);
    // The key of the cut-offs alone is out of reach; everything else works.
    let _: () = connection.set("trustmint:cut-offs", "not what it should be").await.expect("set");
    let begun = Instant::now();
    broker.until("nothing is confirmed", || async { broker.introspect(&live).await.status == 503 }).await;
    assert!(
        begun.elapsed() > Duration::from_secs(3),
        "a short outage is not an outage: {:?}",
        begun.elapsed()
    );
    let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (503, "store_unavailable"));
    let ready = readiness(&broker).await;
    assert_eq!((ready.status.as_u16(), ready.json()["switches"].as_bool()), (503, Some(false)));
    let _: () = connection.del("trustmint:cut-offs").await.expect("deleted");
    service_resumes(&broker, &issuer, &live).await;
}

/// The writes of a transaction succeed, and its commit finds no room for them in the file.
#[tokio::test(flavor = "multi_thread")]
async fn failed_commit_is_never_answered_as_done() {
    let issuer = Issuer::start().await;
    let folder = Arc::new(tempfile::tempdir().expect("folder"));
    let setup = Setup::new(&issuer);
    setup.write(folder.path());
    // Only the first commit fails as such: the store refuses whatever comes after it.
    for what in ["exchange", "revocation", "suspension"] {
        let log_level = setup.log_level.clone();
        let broker = BrokerProcess::launch_with_file_size_errors(Arc::clone(&folder), log_level).await;
        let live = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
        let id_token = issuer.id_token(AUDIENCE);
        // Of the store's file, only the first page can be written to.
        broker.limit_file_size(4096);
        let reply = match what {
            "exchange" => broker.exchange(&id_token).await,
            "revocation" => broker.revoke(&live).await,
            _ => broker.admin("/suspend", &json!({"registry": "pypi"})).await,
        };
        assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (503, "store_unavailable"), "{what}");
        assert!(!reply.text.contains("exm_pypi_"), "{what}: {}", reply.text);
        assert!(broker.log().contains("File too large"), "{what}: {}", broker.log());
        assert_eq!(broker.exchange(&id_token).await.status, 503, "{what}: nothing is minted after it");
        assert_eq!(readiness(&broker).await.status, 503, "{what}: the store is not ready");

        // What was answered before is kept, and what was not answered was not done.
        let broker = broker.crash_and_restart().await;
        assert!(broker.is_active(&live).await, "{what}");
        assert_eq!(broker.exchange(&id_token).await.status, 200, "{what}");
        assert_eq!(broker.exchange(&id_token).await.reason(), "replayed", "{what}");
    }
}
