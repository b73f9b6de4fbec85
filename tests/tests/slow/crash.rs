//! `kill -9` in the middle of everything, of the broker and of Redis.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::{BrokerProcess, Issuer, Setup};

/// How many ID tokens a burst spends, and how often each.
const ID_TOKENS: usize = 8;
const COPIES: usize = 4;

/// A seeded sequence (xorshift), so that a failure can be repeated.
struct Moments(u64);

impl Moments {
    /// A moment within a span.
    fn next(&mut self, span: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        span.mul_f64((self.0 % 1000) as f64 / 1000.0)
    }
}

/// What came of a burst: the tokens of each ID token, and how many requests had no good answer.
#[derive(Default)]
struct Outcome {
    tokens: HashMap<String, Vec<String>>,
    unanswered: usize,
}

type Burst = Vec<tokio::task::JoinHandle<(String, Option<(u16, serde_json::Value)>)>>;

fn burst(broker: &BrokerProcess, id_tokens: &[String]) -> Burst {
    let copies = (0..COPIES).flat_map(|_| id_tokens);
    copies
        .map(|id_token| {
            let (request, id_token) = (broker.exchange_request(id_token), id_token.clone());
            tokio::spawn(async move {
                let Ok(response) = request.send().await else { return (id_token, None) };
                let status = response.status().as_u16();
                (id_token, response.json().await.ok().map(|body| (status, body)))
            })
        })
        .collect()
}

async fn outcome(burst: Burst) -> Outcome {
    let mut outcome = Outcome::default();
    for request in burst {
        match request.await.expect("no panic") {
            (id_token, Some((200, body))) => {
                let token = body["access_token"].as_str().expect("a token").to_owned();
                outcome.tokens.entry(id_token).or_default().push(token);
            }
            (_, Some((400, body))) => assert_eq!(body["reason"], "replayed", "{body}"),
            (_, Some((503, body))) => {
                assert_eq!(body["reason"], "store_unavailable", "{body}");
                outcome.unanswered += 1;
            }
            (_, Some((status, body))) => panic!("{status} {body}"),
            (_, None) => outcome.unanswered += 1,
        }
    }
    outcome
}

/// After a crash: what was answered holds, and no ID token ever makes a second token.
async fn nothing_lost_and_nothing_twice(broker: &BrokerProcess, id_tokens: &[String], mut outcome: Outcome) {
    for id_token in id_tokens {
        let tokens = outcome.tokens.entry(id_token.clone()).or_default();
        let answered = !tokens.is_empty();
        let reply = broker.exchange(id_token).await;
        match (reply.status.as_u16(), reply.reason().as_str()) {
            (200, _) => tokens.push(reply.token()),
            (400, "replayed") => {}
            (400, "store_reset") if !answered => {}
            _ => panic!("{} {}", reply.status, reply.text),
        }
        assert!(tokens.len() <= 1, "{} tokens for one ID token", tokens.len());
        for token in tokens {
            assert!(broker.is_active(token).await, "a token was answered and is gone");
        }
    }
}

async fn killed_at_twenty_moments(issuer: &Issuer, mut broker: BrokerProcess, seed: u64) {
    let mut moments = Moments(seed);
    let fresh = || (0..ID_TOKENS).map(|_| issuer.id_token(AUDIENCE)).collect::<Vec<_>>();
    let warm = |broker: BrokerProcess| async {
        broker
            .until("the broker mints", || async {
                broker.exchange(&issuer.id_token(AUDIENCE)).await.status == 200
            })
            .await;
        broker
    };
    broker = warm(broker).await;
    let begun = Instant::now();
    let whole = outcome(burst(&broker, &fresh())).await;
    assert_eq!((whole.tokens.len(), whole.unanswered), (ID_TOKENS, 0));
    let span = begun.elapsed();

    // At least twenty kills, and more until some requests were answered and some were not.
    let (mut kills, mut answered, mut unanswered) = (0, 0, 0);
    while kills < 20 || answered == 0 || unanswered == 0 {
        assert!(kills < 200, "the kills missed: {answered} answers, {unanswered} without");
        kills += 1;
        let id_tokens = fresh();
        let requests = burst(&broker, &id_tokens);
        tokio::time::sleep(moments.next(span)).await;
        broker.kill();
        let outcome = outcome(requests).await;
        answered += outcome.tokens.len();
        unanswered += outcome.unanswered;
        broker = warm(broker.crash_and_restart().await).await;
        nothing_lost_and_nothing_twice(&broker, &id_tokens, outcome).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_never_mints_twice_on_embedded_store() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    killed_at_twenty_moments(&issuer, broker, 0x5eed_0001).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_never_mints_twice_on_redis() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::start();
    let broker = Setup::new(&issuer).store_url(&redis.url()).start().await;
    killed_at_twenty_moments(&issuer, broker, 0x5eed_0002).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_redis_loses_no_answered_mint() {
    let issuer = Issuer::start().await;
    let mut redis = RedisServer::start();
    let broker = Setup::new(&issuer).store_url(&redis.url()).start().await;
    let mut moments = Moments(0x5eed_0003);
    let mint = || async { broker.exchange(&issuer.id_token(AUDIENCE)).await.status == 200 };
    broker.until("the broker mints", mint).await;
    let (mut kills, mut answered) = (0, 0);
    while kills < 8 || answered == 0 {
        assert!(kills < 100, "nothing was ever answered");
        kills += 1;
        let id_tokens: Vec<_> = (0..ID_TOKENS).map(|_| issuer.id_token(AUDIENCE)).collect();
        let requests = burst(&broker, &id_tokens);
        tokio::time::sleep(moments.next(Duration::from_millis(60))).await;
        redis.kill();
        redis.start_again();
        let outcome = outcome(requests).await;
        answered += outcome.tokens.len();
        broker.until("the broker mints again", mint).await;
        nothing_lost_and_nothing_twice(&broker, &id_tokens, outcome).await;
    }
}
