//! Ten thousand records in one report, half of them live tokens; and introspections that race reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use josekit::jwk::alg::ec::EcCurve;
use serde_json::{Value, json};
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::inbox::Inbox;
use trustmint_tests::keys::Key;
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::redis_topology::Cluster;
use trustmint_tests::reporter::{ReporterKey, labels, report, with_keys_file};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

const LIVE: usize = 5_000;
/// The tokens are of this many runs.
const RUNS: usize = 1_000;
/// What GitHub waits for, and the answer must come sooner.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a job tries to mint.
const PATIENCE: Duration = Duration::from_secs(30);
/// What one report may add to the memory of a broker, in kB.
const GROWTH: u64 = 150_000;

/// Mints by several jobs at once.
async fn mint(broker: &Arc<BrokerProcess>, issuer: &Arc<Issuer>, count: usize) -> Vec<String> {
    let next = Arc::new(AtomicUsize::new(0));
    let jobs: Vec<_> = (0..32)
        .map(|_| {
            let (broker, issuer, next) = (Arc::clone(broker), Arc::clone(issuer), Arc::clone(&next));
            tokio::spawn(async move {
                let mut minted = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return minted;
                    }
                    let changes = json!({ "run_id": (number % RUNS).to_string() });
                    let id_token = issuer.id_token_with(AUDIENCE, &changes);
                    let deadline = Instant::now() + PATIENCE;
                    // A busy disk holds a Redis up that appends to a file; jobs come again then.
                    let reply = loop {
                        let reply = broker.exchange(&id_token).await;
                        if reply.status != 503 || Instant::now() > deadline {
                            break reply;
                        }
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    };
                    minted.push(reply.token());
                }
            })
        })
        .collect();
    let mut tokens = Vec::with_capacity(count);
    for job in jobs {
        tokens.extend(job.await.expect("no panic"));
    }
    tokens
}

async fn ten_thousand_records_on(store: &str, change: impl FnOnce(Setup) -> Setup) {
    let key = Key::ec("ec-1", "ES256", EcCurve::P256);
    let (issuer, reporter) = (Arc::new(Issuer::with_key(key).await), ReporterKey::new());
    let inbox = Inbox::start().await;
    let mut setup = with_keys_file(Setup::new(&issuer), [&reporter]);
    setup.registries.push_str(&inbox.section("security", ""));
    setup.files.extend(inbox.files("security"));
    setup.log_level = "info".to_owned();
    let broker = Arc::new(change(setup).start().await);
    let tokens = mint(&broker, &issuer, LIVE).await;

    // Live ones between others of every sort.
    let mut records = Vec::with_capacity(2 * LIVE);
    let mut expected = Vec::with_capacity(2 * LIVE);
    for (number, token) in tokens.iter().enumerate() {
        records.push(
            json!({ "token": token, "type": "exm_pypi", "url": format!("https://example.com/{number}") }),
        );
        expected.push("true_positive");
        let (record, label) = match number % 4 {
            0 => (json!({ "token": format!("ghp_{number}") }), Some("false_positive")),
            1 => (json!({ "token": slip(token) }), Some("false_positive")),
            2 => (json!({ "token": token }), Some("true_positive")),
            _ => (json!(number), None),
        };
        records.push(record);
        expected.extend(label);
    }
    let body = Value::from(records).to_string();
    let before = broker.peak_memory();
    let mut times = Vec::new();
    for round in 0..3 {
        let begun = Instant::now();
        let reply = broker.leaks_at("/leaks/github", &reporter, &body).await;
        let took = begun.elapsed();
        assert!(labels(&reply) == expected, "round {round}: other labels");
        assert!(took < DEADLINE, "round {round}: {took:?}");
        times.push(took);
        if round == 0 {
            let dead = count_dead(&broker, &tokens).await;
            assert_eq!(dead, LIVE, "all dead before the answer");
        }
    }
    let grown = broker.peak_memory() - before;
    println!(
        "{store}: {} records of {} kB, {LIVE} of them live, answered after {:.2?}; again after {:.2?} and \
         {:.2?}; memory grew by {grown} kB at most",
        2 * LIVE,
        body.len() / 1024,
        times[0],
        times[1],
        times[2],
    );
    assert!(grown < GROWTH, "{grown} kB");
    let patience = Duration::from_secs(60);
    broker.until_within(patience, "each run is told of", async || inbox.taken().len() >= RUNS).await;
    assert_eq!(inbox.messages().len(), RUNS, "and once");
    let leaked = async || broker.audit().iter().filter(|event| event["outcome"] == "leaked").count();
    broker.until("each has its event", async || leaked().await == LIVE).await;
}

/// A token with another last character, which is in its checksum.
fn slip(token: &str) -> String {
    let last = if token.ends_with('x') { 'y' } else { 'x' };
    format!("{}{last}", &token[..token.len() - 1])
}

/// How many of them are dead.
async fn count_dead(broker: &Arc<BrokerProcess>, tokens: &[String]) -> usize {
    let dead = Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = tokens
        .chunks(tokens.len().div_ceil(32))
        .map(|part| {
            let (broker, dead, part) = (Arc::clone(broker), Arc::clone(&dead), part.to_vec());
            tokio::spawn(async move {
                for token in part {
                    dead.fetch_add(usize::from(!broker.is_active(&token).await), Ordering::Relaxed);
                }
            })
        })
        .collect();
    for asked in asking {
        asked.await.expect("no panic");
    }
    dead.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn large_report_is_handled_on_embedded_store() {
    ten_thousand_records_on("embedded", |setup| setup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_report_is_handled_on_redis_cluster() {
    let cluster = Cluster::start(1);
    ten_thousand_records_on("Redis Cluster", |setup| setup.store_url(&cluster.url())).await;
}

/// Anyone who asks after the report was answered is told that the token is dead, by every replica.
#[tokio::test(flavor = "multi_thread")]
async fn introspection_after_report_is_inactive() {
    let redis = RedisServer::start();
    let (issuer, key) = (Issuer::start().await, ReporterKey::new());
    let setup = with_keys_file(Setup::new(&issuer), [&key]).store_url(&redis.url());
    let brokers: Vec<Arc<BrokerProcess>> = {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(Arc::new(setup.clone().start().await));
        }
        all
    };
    let (before, after) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for run in 0..30 {
        let changes = json!({ "run_id": run.to_string() });
        let mint = async || brokers[0].exchange(&issuer.id_token_with(AUDIENCE, &changes)).await.token();
        let (token, sibling) = (mint().await, mint().await);
        let answered = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicBool::new(false));
        let asking: Vec<_> = (0..12)
            .map(|number| {
                let broker = Arc::clone(&brokers[number % brokers.len()]);
                let token = if number % 2 == 0 { token.clone() } else { sibling.clone() };
                let (answered, done) = (Arc::clone(&answered), Arc::clone(&done));
                let (before, after) = (Arc::clone(&before), Arc::clone(&after));
                tokio::spawn(async move {
                    while !done.load(Ordering::SeqCst) {
                        let was_answered = answered.load(Ordering::SeqCst);
                        let active = broker.is_active(&token).await;
                        assert!(!(was_answered && active), "active after the answer");
                        before.fetch_add(usize::from(active), Ordering::SeqCst);
                        after.fetch_add(usize::from(was_answered), Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let reached = async |counter: &AtomicUsize, count| counter.load(Ordering::SeqCst) >= count;
        // The report comes while all of them ask, and they go on asking after its answer.
        let active = before.load(Ordering::SeqCst) + asking.len();
        brokers[0].until("the token is active", || reached(&before, active)).await;
        let reply = brokers[run % brokers.len()].leaks(&key, &report([token.as_str()])).await;
        answered.store(true, Ordering::SeqCst);
        assert_eq!(labels(&reply), ["true_positive"]);
        let inactive = after.load(Ordering::SeqCst) + 2 * asking.len();
        brokers[0].until("the token is inactive", || reached(&after, inactive)).await;
        done.store(true, Ordering::SeqCst);
        for asked in asking {
            asked.await.expect("never active after the answer");
        }
    }
    let (before, after) = (before.load(Ordering::SeqCst), after.load(Ordering::SeqCst));
    println!("{before} introspections said active before the answers, {after} began after them and none did");
    assert!(before > 0 && after > 500, "{before}, {after}");
}
