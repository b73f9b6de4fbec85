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

use crate::clock::Clock;
use crate::fetch::{FetchError, Receipt};
use crate::metrics::Metrics;
use crate::store::{Cause, Entry, Store, StoreError, TombstoneRetention};
use crate::webhooks::{Delivery, Webhook, Webhooks};

/// How often it looks for messages that no one told it about.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many messages are seen to together.
const BATCH_SIZE: usize = 32;
/// How many messages are posted to one recipient at the same time.
const MAX_CONCURRENT: usize = 8;
/// For how long a message is one replica's to see to, in milliseconds: longer than it takes to see to all
/// of those that are seen to together.
const LEASE_MS: u64 = 30_000;
/// For how long a recipient is left alone after a failure. Its other messages are put off unsent.
const BACKOFF: Duration = Duration::from_secs(5);
/// How long after the attempt before, in seconds; the last one is three days after the first.
const RETRY_DELAYS: [u64; 10] = [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 73_000];
/// The longest that a recipient may ask us to wait.
const MAX_RETRY_DELAY: u64 = 86_400;

/// How long a message for a recipient that is not configured here is left to others, in seconds, and how
/// often: for a day.
const UNROUTABLE_DELAY_SECS: u64 = 10;
const MAX_UNROUTABLE_ATTEMPTS: u32 = 8_640;

/// Anyone who delivers messages.
#[derive(Debug)]
pub struct WebhookDispatcher {
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
    backing_off: Mutex<HashMap<String, Instant>>,
}

/// Why a message was not delivered.
struct Failure {
    outcome: &'static str,
    why: String,
    retry_after: Option<Duration>,
}

impl WebhookDispatcher {
    /// No one has failed yet.
    pub fn new(
        webhooks: Webhooks,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { webhooks, store, clock, metrics, wake: Notify::new(), backing_off: Mutex::default() }
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
            if seen.is_ok_and(|seen| seen == BATCH_SIZE) {
                continue;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    /// Sees to what is due, to each recipient by itself: one that fails holds up no one else's messages.
    async fn deliver_due(&self) -> Result<usize, StoreError> {
        let now_ms = self.clock.now_ms();
        let due = self.store.due(now_ms, now_ms + LEASE_MS, BATCH_SIZE).await?;
        let seen = due.len();
        let mut by_webhook = BTreeMap::<String, Vec<Delivery>>::new();
        for message in due {
            match serde_json::from_slice::<Delivery>(&message.body) {
                Ok(delivery) => by_webhook.entry(delivery.webhook.clone()).or_default().push(delivery),
                Err(error) => {
                    tracing::error!(%error, "a message for a webhook cannot be read, and is discarded");
                    self.store.discard(message.id, self.clock.now()).await?;
                }
            }
        }
        let all = by_webhook.into_iter().map(|(webhook, deliveries)| self.deliver_batch(webhook, deliveries));
        join_all(all).await;
        Ok(seen)
    }

    /// The messages for one recipient. If the store fails, they are due again after the lease.
    async fn deliver_batch(&self, webhook: String, deliveries: Vec<Delivery>) {
        let each = |delivery| async {
            if let Err(error) = self.deliver_one(delivery).await {
                tracing::warn!(webhook, %error, "a message could not be settled; it is tried again");
            }
        };
        futures_util::stream::iter(deliveries).for_each_concurrent(MAX_CONCURRENT, each).await;
    }

    async fn deliver_one(&self, mut delivery: Delivery) -> Result<(), StoreError> {
        if self.backing_off().get(&delivery.webhook).is_some_and(|until| Instant::now() < *until) {
            return self.reschedule(delivery, BACKOFF.as_secs()).await;
        }
        if !self.is_confirmed(&delivery).await? {
            return self.store.discard(delivery.id, self.clock.now()).await;
        }
        delivery.pending_on = None;
        // It may be known to another replica, which has another configuration for the moment.
        let Some(webhook) = self.webhooks.by_id(&delivery.webhook) else {
            let (webhook, id) = (&delivery.webhook, &delivery.id);
            if delivery.unroutable_attempts >= MAX_UNROUTABLE_ATTEMPTS {
                tracing::error!(webhook, id, "a message is for a webhook that no one knows; it is given up");
                return self.store.discard(delivery.id, self.clock.now()).await;
            }
            tracing::warn!(webhook, id, "a message is for a webhook that is not configured here");
            delivery.unroutable_attempts += 1;
            return self.reschedule(delivery, UNROUTABLE_DELAY_SECS).await;
        };
        let Err(failure) = self.post(webhook, &delivery).await else {
            return self.store.discard(delivery.id, self.clock.now()).await;
        };
        self.backing_off().insert(delivery.webhook.clone(), Instant::now() + BACKOFF);
        let (known, webhook, id, why) = (webhook, &delivery.webhook, &delivery.id, &failure.why);
        let Some(pause) = RETRY_DELAYS.get(delivery.attempts as usize) else {
            tracing::error!(webhook, id, why, "a message was never delivered; it is given up");
            self.metrics.webhook(&known.id, "given_up");
            return self.store.discard(delivery.id, self.clock.now()).await;
        };
        tracing::warn!(webhook, id, why, "a message could not be delivered; it is tried again");
        delivery.attempts += 1;
        let asked = failure.retry_after.map_or(*pause, |after| after.as_secs());
        self.reschedule(delivery, asked.clamp(*pause, MAX_RETRY_DELAY.max(*pause))).await
    }

    async fn reschedule(&self, delivery: Delivery, seconds: u64) -> Result<(), StoreError> {
        let due = delivery.due_at(self.clock.now_ms() + seconds * 1000)?;
        self.store.repost(vec![due]).await
    }

    fn backing_off(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.backing_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what a message is about has happened. One that was not released is true if its token was revoked
    /// because it was reported itself: not with another one, of which there is a message too.
    async fn is_confirmed(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        let Some(revocation_ref) = &delivery.pending_on else { return Ok(true) };
        let Some((tag, hash)) = revocation_ref.token() else { return Ok(false) };
        let cause = Some(Cause::of(&hash));
        let found = self
            .store
            .get_many(vec![(tag, hash)], TombstoneRetention { ttl: 0, most: 0 }, self.clock.now())
            .await?;
        Ok(matches!(found.as_slice(), [Some(Entry::Dead(revoked, _))] if revoked.cause == cause))
    }

    /// Posts a message, and says why it was not taken.
    async fn post(&self, webhook: &Webhook, delivery: &Delivery) -> Result<(), Failure> {
        let answered = match self.request(webhook, delivery).await {
            Ok(receipt) => to_outcome(receipt),
            Err(error) => Err(Failure { outcome: "unreachable", why: error.to_string(), retry_after: None }),
        };
        let outcome = answered.as_ref().map_or_else(|failure| failure.outcome, |outcome| *outcome);
        self.metrics.webhook(&webhook.id, outcome);
        answered.map(drop)
    }

    async fn request(&self, webhook: &Webhook, delivery: &Delivery) -> Result<Receipt, FetchError> {
        let timestamp = self.clock.now();
        let signature = webhook.signature(&delivery.id, timestamp, delivery.payload.as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("webhook-id", delivery.id.clone()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ] {
            let value = HeaderValue::try_from(value).map_err(|_| FetchError::Aborted)?;
            headers.insert(name, value);
        }
        webhook.fetcher.post(&webhook.url, headers, Bytes::from(delivery.payload.clone())).await
    }
}

fn to_outcome(Receipt { status, retry_after }: Receipt) -> Result<&'static str, Failure> {
    match status {
        status if status.is_success() => Ok("delivered"),
        // The scheme's word for a recipient that wants nothing more.
        StatusCode::GONE => Ok("gone"),
        status => Err(Failure { outcome: "refused", why: format!("the answer was {status}"), retry_after }),
    }
}
