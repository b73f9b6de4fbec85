//! Delivers messages, as often as it takes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::webhooks::{Parcel, Webhook, Webhooks};
use crate::metrics::Metrics;
use crate::clock::Clock;
use crate::fetch::{FetchError, Receipt};
use crate::store::{Cause, Entry, Remembrance, Store, StoreError};

/// How often it looks for messages that nobody told it about.
const LOOK: Duration = Duration::from_secs(1);
/// How many messages are seen to together.
const TOGETHER: usize = 32;
/// How many messages are posted to one recipient at the same time.
const AT_ONCE: usize = 8;
/// For how long a message is one replica's to see to, in milliseconds: longer than it takes to see to all
/// of those that are seen to together.
const LEASE_MS: u64 = 30_000;
/// For how long a recipient is left alone after a failure. Its other messages are put off unsent.
const REST: Duration = Duration::from_secs(5);
/// How long after the attempt before, in seconds; the last one is three days after the first.
const PAUSES: [u64; 10] = [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 73_000];
/// The longest that a recipient may ask us to wait.
const LONGEST_PAUSE: u64 = 86_400;

/// How long a message for a recipient that is not configured here is left to others, in seconds, and how
/// often: for a day.
const STRAY: u64 = 10;
const STRAYS: u32 = 8_640;

/// Whoever delivers messages.
#[derive(Debug)]
pub struct Courier {
    /// The recipients.
    pub webhooks: Webhooks,
    /// Where messages are kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Something is due now.
    pub wake: Notify,
    /// Until when recipients are left alone.
    resting: Mutex<HashMap<String, Instant>>,
}

/// Why a message was not delivered.
struct Failure {
    outcome: &'static str,
    why: String,
    retry_after: Option<Duration>,
}

impl Courier {
    /// Nobody has failed yet.
    pub fn new(
        webhooks: Webhooks,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { webhooks, store, clock, metrics, wake: Notify::new(), resting: Mutex::default() }
    }

    /// Delivers until the future is dropped.
    pub async fn deliver(&self) {
        let mut failing = false;
        loop {
            let seen = self.deliver_due().await;
            if let (Err(error), false) = (&seen, failing) {
                tracing::warn!(%error, "messages for webhooks cannot be read from the store");
            }
            failing = seen.is_err();
            // As many as there may be: there are more.
            if seen.is_ok_and(|seen| seen == TOGETHER) {
                continue;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Sees to what is due, to each recipient by itself: one that fails holds up nobody else's messages.
    async fn deliver_due(&self) -> Result<usize, StoreError> {
        let now_ms = self.clock.now_ms();
        let due = self.store.due(now_ms, now_ms + LEASE_MS, TOGETHER).await?;
        let seen = due.len();
        let mut by_webhook = BTreeMap::<String, Vec<Parcel>>::new();
        for notice in due {
            match serde_json::from_slice::<Parcel>(&notice.body) {
                Ok(parcel) => by_webhook.entry(parcel.webhook.clone()).or_default().push(parcel),
                Err(error) => {
                    tracing::error!(%error, "a message for a webhook cannot be read, and is discarded");
                    self.store.discard(notice.id, self.clock.now()).await?;
                }
            }
        }
        let all = by_webhook.into_iter().map(|(webhook, parcels)| self.see_to(webhook, parcels));
        join_all(all).await;
        Ok(seen)
    }

    /// The messages for one recipient. If the store fails, they are due again after the lease.
    async fn see_to(&self, webhook: String, parcels: Vec<Parcel>) {
        let each = |parcel| async {
            if let Err(error) = self.carry(parcel).await {
                tracing::warn!(webhook, %error, "a message could not be settled; it is tried again");
            }
        };
        futures_util::stream::iter(parcels).for_each_concurrent(AT_ONCE, each).await;
    }

    async fn carry(&self, mut parcel: Parcel) -> Result<(), StoreError> {
        if self.resting().get(&parcel.webhook).is_some_and(|until| Instant::now() < *until) {
            return self.put_off(parcel, REST.as_secs()).await;
        }
        if !self.is_true(&parcel).await? {
            return self.store.discard(parcel.id, self.clock.now()).await;
        }
        parcel.held_for = None;
        // It may be known to another replica, which has another configuration for the moment.
        let Some(webhook) = self.webhooks.by_id(&parcel.webhook) else {
            let (webhook, id) = (&parcel.webhook, &parcel.id);
            if parcel.strayed >= STRAYS {
                tracing::error!(webhook, id, "a message is for a webhook that nobody knows; it is given up");
                return self.store.discard(parcel.id, self.clock.now()).await;
            }
            tracing::warn!(webhook, id, "a message is for a webhook that is not configured here");
            parcel.strayed += 1;
            return self.put_off(parcel, STRAY).await;
        };
        let Err(failure) = self.post(webhook, &parcel).await else {
            return self.store.discard(parcel.id, self.clock.now()).await;
        };
        self.resting().insert(parcel.webhook.clone(), Instant::now() + REST);
        let (known, webhook, id, why) = (webhook, &parcel.webhook, &parcel.id, &failure.why);
        let Some(pause) = PAUSES.get(parcel.attempts as usize) else {
            tracing::error!(webhook, id, why, "a message was never delivered; it is given up");
            self.metrics.webhook(&known.id, "given_up");
            return self.store.discard(parcel.id, self.clock.now()).await;
        };
        tracing::warn!(webhook, id, why, "a message could not be delivered; it is tried again");
        parcel.attempts += 1;
        let asked = failure.retry_after.map_or(*pause, |after| after.as_secs());
        self.put_off(parcel, asked.clamp(*pause, LONGEST_PAUSE.max(*pause))).await
    }

    async fn put_off(&self, parcel: Parcel, seconds: u64) -> Result<(), StoreError> {
        let due = parcel.due_at(self.clock.now_ms() + seconds * 1000)?;
        self.store.repost(vec![due]).await
    }

    fn resting(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what a message is about has happened. One that was not released is true if its token died
    /// because it was reported itself: not with another one, of which there is a message too.
    async fn is_true(&self, parcel: &Parcel) -> Result<bool, StoreError> {
        let Some(deed) = &parcel.held_for else { return Ok(true) };
        let Some((tag, hash)) = deed.token() else { return Ok(false) };
        let cause = Some(Cause::of(&hash));
        let found =
            self.store.look(vec![(tag, hash)], Remembrance { ttl: 0, most: 0 }, self.clock.now()).await?;
        Ok(matches!(found.as_slice(), [Some(Entry::Dead(killed, _))] if killed.cause == cause))
    }

    /// Posts a message, and says why it was not taken.
    async fn post(&self, webhook: &Webhook, parcel: &Parcel) -> Result<(), Failure> {
        let answered = match self.request(webhook, parcel).await {
            Ok(receipt) => judge(receipt),
            Err(error) => Err(Failure { outcome: "unreachable", why: error.to_string(), retry_after: None }),
        };
        let outcome = answered.as_ref().map_or_else(|failure| failure.outcome, |outcome| *outcome);
        self.metrics.webhook(&webhook.id, outcome);
        answered.map(drop)
    }

    async fn request(&self, webhook: &Webhook, parcel: &Parcel) -> Result<Receipt, FetchError> {
        let timestamp = self.clock.now();
        let signature = webhook.signature(&parcel.id, timestamp, parcel.payload.as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("webhook-id", parcel.id.clone()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ] {
            let value = HeaderValue::try_from(value).map_err(|_| FetchError::Aborted)?;
            headers.insert(name, value);
        }
        webhook.fetcher.post(&webhook.url, headers, Bytes::from(parcel.payload.clone())).await
    }
}

fn judge(Receipt { status, retry_after }: Receipt) -> Result<&'static str, Failure> {
    match status {
        status if status.is_success() => Ok("delivered"),
        // The scheme's word for a recipient that wants nothing more.
        StatusCode::GONE => Ok("gone"),
        status => Err(Failure { outcome: "refused", why: format!("the answer was {status}"), retry_after }),
    }
}
