//! Floods of unknown `kid`s: the issuer is asked as often as is permitted, everyone is answered in
//! time, and anyone who holds a valid ID token gets in, at once or when told to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::flood::{BOUND, flood, insists};
use trustmint_tests::hostile_issuer::{Answer, HostileIssuer};
use trustmint_tests::keys::{self, Key};
use trustmint_tests::{Issuer, Setup};

/// Two at once, and one in ten seconds.
fn assert_permitted(fetches: usize, since: Instant) {
    let permitted = 2 + since.elapsed().as_secs() / 10;
    assert!(fetches as u64 <= permitted, "{fetches} fetches in {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_kids_stay_within_the_fetch_limit() {
    let issuer = Issuer::start().await;
    let since = Instant::now();
    let broker = Setup::new(&issuer).start().await;
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200, "the control");
    flood(&broker, &issuer.url, 10_000).await;
    assert!(issuer.jwks_fetches() >= 2, "no one was asked about unknown keys");
    assert_permitted(issuer.jwks_fetches(), since);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200, "the known key");
    assert_eq!(broker.signature_checks().await, 2, "a flood of unknown keys costs no signature check");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_fetches_are_rate_limited() {
    let issuer = HostileIssuer::start().await;
    let since = Instant::now();
    let broker = Setup::trusting(&issuer.url, &issuer.ca).start().await;
    assert_eq!(broker.exchange(&issuer.id_token_by(&issuer.key)).await.status, 200, "the control");
    issuer.keys(Answer::raw("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"));
    flood(&broker, &issuer.url, 2_000).await;
    assert_permitted(issuer.fetches(), since);
    // One that hangs keeps them waiting, as long as they may and no longer.
    issuer.keys(Answer::raw("").then_hang());
    flood(&broker, &issuer.url, 2_000).await;
    assert_permitted(issuer.fetches(), since);
    assert_eq!(broker.exchange(&issuer.id_token_by(&issuer.key)).await.status, 200, "the known key");
    // And it is over by itself, though no one asks.
    issuer.keys(Answer::json(&keys::jwks([&issuer.key])));
    let ok = "trustmint_issuer_fetches_total{issuer=\"github\",result=\"ok\"}";
    assert_eq!(broker.metric(ok).await, 1);
    let period = Duration::from_secs(20);
    let asked = async || broker.metric(ok).await == 2;
    broker.until_within(period, "an honest issuer is asked again", asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_during_flood_loses_no_valid_request() {
    let issuer = Issuer::start().await;
    let since = Instant::now();
    let broker = Arc::new(Setup::new(&issuer).start().await);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200, "the control");
    let rotated = Key::rsa("rotated", "RS256", 2048);

    let over = Arc::new(AtomicBool::new(false));
    let flooding = {
        let (broker, url, over) = (Arc::clone(&broker), issuer.url.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                flood(&broker, &url, 2_000).await;
            }
        })
    };
    broker.until("the flood has used up the fetches", || async { issuer.jwks_fetches() >= 2 }).await;
    issuer.publish(keys::jwks([&issuer.key, &rotated]));
    let mut valid = JoinSet::new();
    for _ in 0..20 {
        let new = rotated.sign(&trustmint_tests::github(&issuer.url, AUDIENCE));
        let on = Arc::clone(&broker);
        valid.spawn(async move { insists(&on, &new).await });
        let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
        assert_eq!(reply.status, 200, "the old key never waits: {}", reply.text);
    }
    while let Some(refusals) = valid.join_next().await {
        let refusals = refusals.expect("it gets in");
        // A second time only where the machine is so busy that a fetch takes more than a second.
        assert!(refusals <= 2, "told to come again {refusals} times, though it was told when");
    }
    over.store(true, Ordering::SeqCst);
    flooding.await.expect("every request is answered");
    assert_permitted(issuer.jwks_fetches(), since);
}

/// A stranger made us ask; while the answer is under way, the key is rotated and the first token by
/// the new one comes.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_key_only_after_a_later_fetch() {
    let issuer = HostileIssuer::start().await;
    let broker = Arc::new(Setup::trusting(&issuer.url, &issuer.ca).start().await);
    assert_eq!(broker.exchange(&issuer.id_token_by(&issuer.key)).await.status, 200, "the control");
    let (old, rotated) = (keys::jwks([&issuer.key]), Key::rsa("rotated", "RS256", 2048));
    issuer.keys(Answer::json(&old).after(Duration::from_secs(1)));
    let (on, stranger) = (Arc::clone(&broker), issuer.unknown_kid());
    let stranger = tokio::spawn(async move { on.exchange(&stranger).await });
    broker.until("the keys are asked for", async || issuer.key_requests() == 2).await;

    issuer.keys(Answer::json(&keys::jwks([&rotated])));
    let token = issuer.id_token_by(&rotated);
    let early = broker.exchange(&token).await;
    assert_eq!((early.status.as_u16(), early.reason().as_str()), (503, "issuer_unavailable"));
    let wait: u64 = early.header("retry-after").parse().expect("when to come again");
    assert!((6..=12).contains(&wait), "{wait}: the two fetches that are permitted at once were used");
    assert_eq!(stranger.await.expect("an answer").reason(), "unknown_key");

    let patience = Duration::from_secs(20);
    let fetched = "trustmint_issuer_fetches_total{issuer=\"github\",result=\"ok\"}";
    let again = async || broker.metric(fetched).await == 3;
    broker.until_within(patience, "the keys are fetched, though no one waits", again).await;
    assert_eq!(broker.exchange(&token).await.status, 200, "the same ID token");
}

/// One fetch serves all that wait for it, though some came when it had begun.
#[tokio::test(flavor = "multi_thread")]
async fn stampede_after_rotation_is_one_fetch() {
    let issuer = Issuer::start().await;
    let broker = Arc::new(Setup::new(&issuer).start().await);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200, "the control");
    let rotated = Key::rsa("rotated", "RS256", 2048);
    issuer.publish(keys::jwks([&rotated]));
    let mut valid = JoinSet::new();
    for _ in 0..100 {
        let new = rotated.sign(&trustmint_tests::github(&issuer.url, AUDIENCE));
        let on = Arc::clone(&broker);
        valid.spawn(async move { on.exchange(&new).await });
    }
    while let Some(reply) = valid.join_next().await {
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    assert_eq!(issuer.jwks_fetches(), 2, "one at the start, and one for all of them");
    // The key that was removed died with that fetch.
    let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    assert_ne!(reply.status, 200, "{}", reply.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_issuer_does_not_slow_others() {
    let (stalled, other) = (HostileIssuer::start().await, Issuer::start().await);
    let mut setup = Setup::trusting(&stalled.url, &stalled.ca);
    setup.issuers.push_str(&format!(
        "[issuers.other]\nkind = \"github\"\nurl = \"{}\"\nca_file = \"other-ca.pem\"\nallow_private = [\"127.0.0.0/8\"]\n",
        other.url
    ));
    setup.files.push(("other-ca.pem".to_owned(), other.ca.clone()));
    let policy = &setup.policies[0].1;
    setup.policies[0].1 =
        format!("{policy}\n{}", policy.replace("\"github\"", "\"other\"").replace("widget-release", "other"));
    let broker = Arc::new(setup.start().await);
    assert_eq!(broker.exchange(&stalled.id_token_by(&stalled.key)).await.status, 200, "the control");

    stalled.discovery(Answer::raw("").then_hang());
    let mut waiting = JoinSet::new();
    for _ in 0..400 {
        let (on, token) = (Arc::clone(&broker), stalled.unknown_kid());
        waiting.spawn(async move {
            let begun = Instant::now();
            let reply = on.exchange(&token).await;
            assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (503, "issuer_unavailable"));
            begun.elapsed()
        });
    }
    broker.until("they wait", || async { stalled.fetches() >= 2 }).await;
    // While they wait: known keys of both, and a key of the other that has yet to be fetched.
    let rotated = Key::rsa("rotated", "RS256", 2048);
    other.publish(keys::jwks([&other.key, &rotated]));
    for token in [
        stalled.id_token_by(&stalled.key),
        other.id_token(AUDIENCE),
        rotated.sign(&trustmint_tests::github(&other.url, AUDIENCE)),
    ] {
        let reply = broker.exchange(&token).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    assert!(waiting.try_join_next().is_none() || !waiting.is_empty(), "they wait no longer");
    let mut longest = Duration::ZERO;
    while let Some(took) = waiting.join_next().await {
        longest = longest.max(took.expect("an answer"));
    }
    assert!((Duration::from_secs(2)..BOUND).contains(&longest), "{longest:?}");
}
