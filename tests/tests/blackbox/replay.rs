//! One token per ID token, whatever the concurrency, the clients, the cuts and the flushes.

use std::time::Duration;

use redis::AsyncCommands as _;
use tokio::io::AsyncWriteExt as _;
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::proxy::Proxy;
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::{BrokerProcess, Issuer, Setup, now};

/// Sends one ID token `times` times at once to each of these brokers in turn; the token of the only
/// 200. Every other answer must be `replayed`.
async fn exchanged_at_once(brokers: &[&BrokerProcess], id_token: &str, times: usize) -> String {
    let requests: Vec<_> = (0..times)
        .map(|n| {
            let request = brokers[n % brokers.len()].exchange_request(id_token);
            tokio::spawn(async move {
                let response = request.send().await.expect("an answer");
                let status = response.status();
                (status, response.json::<serde_json::Value>().await.expect("JSON"))
            })
        })
        .collect();
    let mut tokens = Vec::new();
    for request in requests {
        let (status, body) = request.await.expect("no panic");
        match status.as_u16() {
            200 => tokens.push(body["access_token"].as_str().expect("a token").to_owned()),
            _ => assert_eq!(body["reason"], "replayed", "{status} {body}"),
        }
    }
    assert_eq!(tokens.len(), 1, "tokens for one ID token");
    tokens.remove(0)
}

async fn is_spent_on(broker: &BrokerProcess, id_token: &str, token: &str) {
    assert!(broker.is_active(token).await);
    let reply = broker.exchange(id_token).await;
    assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (400, "replayed"), "{}", reply.text);
    let minted = broker.audit().iter().filter(|event| event["outcome"] == "minted").count();
    assert_eq!(minted, 1, "events of one mint");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_exchanges_mint_one_token_on_embedded_store() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    let id_token = issuer.id_token(AUDIENCE);
    let token = exchanged_at_once(&[&broker], &id_token, 200).await;
    is_spent_on(&broker, &id_token, &token).await;
    let broker = broker.crash_and_restart().await;
    is_spent_on(&broker, &id_token, &token).await;
    let broker = broker.restart().await;
    is_spent_on(&broker, &id_token, &token).await;

    // A store that lost its file knows nothing, and says so.
    std::fs::remove_file(broker.folder.path().join("store.redb")).expect("removed");
    until_issued().await;
    let broker = broker.crash_and_restart().await;
    assert_eq!(broker.exchange(&id_token).await.reason(), "store_reset");
    assert!(!broker.is_active(&token).await);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_exchanges_mint_one_token_on_redis() {
    let issuer = Issuer::start().await;
    let mut redis = RedisServer::start();
    let broker = Setup::new(&issuer).store_url(&redis.url()).start().await;
    let other = Setup::new(&issuer).store_url(&redis.url()).start().await;
    let id_token = issuer.id_token(AUDIENCE);
    let token = exchanged_at_once(&[&broker], &id_token, 200).await;
    is_spent_on(&broker, &id_token, &token).await;

    // Two brokers on one Redis are one.
    let second = issuer.id_token(AUDIENCE);
    let second_token = exchanged_at_once(&[&broker, &other], &second, 200).await;
    assert!(broker.is_active(&second_token).await && other.is_active(&second_token).await);

    // Redis is killed and comes back with what it answered.
    redis.kill();
    redis.start_again();
    let broker = other.crash_and_restart().await;
    for (id_token, token) in [(&id_token, &token), (&second, &second_token)] {
        broker.until("the token is known", || async { broker.introspect(token).await.status == 200 }).await;
        assert!(broker.is_active(token).await);
        assert_eq!(broker.exchange(id_token).await.reason(), "replayed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connection_after_mint_loses_nothing() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::start();
    let proxy = Proxy::before(redis.port).await;
    let broker = Setup::new(&issuer).store_url(&format!("redis://127.0.0.1:{}/0", proxy.port)).start().await;
    broker.until("ready", || async { broker.introspect("nobody's").await.status == 200 }).await;
    let mut connection = redis.connect().await;
    for cuts in 1..=4_usize {
        let id_token = issuer.id_token(AUDIENCE);
        let before = proxy.cut();
        proxy.cut_answers_to(b"EVALSHA", cuts);
        let token = exchanged_at_once(&[&broker], &id_token, 200).await;
        proxy.cut_answers_to(b"EVALSHA", 0);
        assert!(proxy.cut() > before, "nothing was cut");
        assert!(broker.is_active(&token).await);
        assert_eq!(broker.exchange(&id_token).await.reason(), "replayed");
        let tokens: Vec<String> = connection.keys("trustmint:*:token:*").await.expect("keys");
        assert_eq!(tokens.len(), cuts, "one record for each ID token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_hang_up_leaves_at_most_one_token() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::start();
    let embedded = Setup::new(&issuer).start().await;
    let shared = Setup::new(&issuer).store_url(&redis.url()).start().await;
    for broker in [&embedded, &shared] {
        // The keys are fetched before, so that the moments below are moments of the exchange.
        assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200);
        // At least eight rounds, and more until a client was gone before its token came.
        let (mut rounds, mut abandoned) = (0, 0);
        while rounds < 8 || abandoned == 0 {
            assert!(rounds < 1_000, "no client was in the middle of anything");
            let id_token = issuer.id_token(AUDIENCE);
            let clients: Vec<_> = (0..16_u64)
                .map(|n| {
                    tokio::spawn(hang_up(broker.public.clone(), id_token.clone(), rounds * 700 + n * 150))
                })
                .collect();
            for client in clients {
                client.await.expect("no panic");
            }
            let reply = broker.exchange(&id_token).await;
            match reply.status.as_u16() {
                200 => {}
                _ => {
                    assert_eq!(reply.reason(), "replayed", "{}", reply.text);
                    abandoned += 1;
                }
            }
            assert_eq!(broker.exchange(&id_token).await.reason(), "replayed");
            rounds += 1;
        }
        // Anyone who hung up: each ID token made one token, and one event.
        broker
            .until("all events are written", || async {
                let minted = broker.audit().iter().filter(|event| event["outcome"] == "minted").count();
                minted as u64 == rounds + 1
            })
            .await;
    }
}

/// Sends an exchange and goes away after some microseconds.
async fn hang_up(public: String, id_token: String, micros: u64) {
    let address = public.trim_start_matches("http://").to_owned();
    let body = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:id_token&subject_token={id_token}"
    );
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("connected");
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    // The moment is the point here, not what happens before it.
    let mut answer = [0; 1];
    let _ = tokio::time::timeout(Duration::from_micros(micros), stream.peek(&mut answer)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_redis_refuses_older_id_tokens() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::start();
    let broker = Setup::new(&issuer).store_url(&redis.url()).start().await;
    let (spent, unspent) = (issuer.id_token(AUDIENCE), issuer.id_token(AUDIENCE));
    let token = broker.exchange(&spent).await.token();
    until_issued().await;
    let _: () = redis::cmd("FLUSHALL").query_async(&mut redis.connect().await).await.expect("flushed");
    for id_token in [&spent, &unspent] {
        let reply = broker.exchange(id_token).await;
        assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (400, "store_reset"), "{}", reply.text);
        assert!(reply.header("retry-after").parse::<u64>().is_ok(), "{:?}", reply.headers);
    }
    assert!(!broker.is_active(&token).await);
    // Fresh ID tokens of other runs are welcome at once, also under tags that no one used since.
    for _ in 0..20 {
        let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

/// Waits until the `iat` of these tests' ID tokens has passed: their issuer's clock is ahead of ours.
async fn until_issued() {
    let claims = trustmint_tests::github("https://issuer.example", AUDIENCE);
    let issued_at = claims["iat"].as_u64().expect("a number");
    while now() <= issued_at {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
