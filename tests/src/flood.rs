//! Floods of ID tokens under `kid`s that no one knows, and clients that insist meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::BrokerProcess;
use crate::hostile_issuer::unknown_kid;
use crate::raw::{Raw, RawReply, post};

/// How long an unknown `kid` waits at most, and much room for a busy machine.
pub const BOUND: Duration = Duration::from_secs(10);
/// Connections of a flood.
const CONNECTIONS: usize = 300;

/// So many requests of strangers, concurrently, each under a `kid` of its own. Every one is answered
/// in time, with a refusal that says what it is.
pub async fn flood(broker: &BrokerProcess, issuer_url: &str, requests: usize) {
    let left = Arc::new(AtomicUsize::new(requests));
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (left, public, issuer_url) = (Arc::clone(&left), broker.public.clone(), issuer_url.to_owned());
        connections.spawn(async move {
            let mut raw = Raw::connect(&public).await;
            while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                let begun = Instant::now();
                raw.send(exchange(&unknown_kid(&issuer_url))).await;
                assert_refused(&raw.reply().await);
                assert!(begun.elapsed() < BOUND, "it took {:?}", begun.elapsed());
            }
        });
    }
    while let Some(ended) = connections.join_next().await {
        ended.expect("every request is answered");
    }
}

fn assert_refused(reply: &RawReply) {
    let reason = reply.json()["reason"].clone();
    match reply.status {
        400 => assert_eq!(reason, "unknown_key", "{}", reply.body),
        503 => {
            assert_eq!(reason, "issuer_unavailable", "{}", reply.body);
            let wait: u64 = reply.header("retry-after").parse().expect("when to come again");
            assert!((1..=12).contains(&wait), "{wait}");
        }
        other => panic!("{other} {}", reply.body),
    }
}

fn exchange(id_token: &str) -> String {
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let body = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token&subject_token={id_token}"
    );
    post("/oauth/token", form, &body)
}

/// Presents a valid ID token until it is accepted, as a client does that heeds `Retry-After`; tells
/// how often it was told to come again. It is never told that its key does not exist.
pub async fn insists(broker: &BrokerProcess, id_token: &str) -> usize {
    let begun = Instant::now();
    for refusals in 0.. {
        let reply = broker.exchange(id_token).await;
        if reply.status == 200 {
            return refusals;
        }
        assert_eq!(reply.reason(), "issuer_unavailable", "a valid ID token: {}", reply.text);
        assert!(begun.elapsed() < Duration::from_secs(40), "never accepted");
        let wait: u64 = reply.header("retry-after").parse().expect("when to come again");
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    unreachable!("it insists")
}
