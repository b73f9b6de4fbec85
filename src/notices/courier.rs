//! Delivers messages, as often as it takes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::Notify;

use super::{Parcel, Webhook, Webhooks};
use crate::audit::Metrics;
use crate::clock::Clock;
use crate::fetch::{FetchError, Receipt};
use crate::store::{Cause, Entry, Notice, Remembrance, Store, StoreError};

/// How often it looks for messages that nobody told it about.
const LOOK: Duration = Duration::from_secs(1);
/// How many messages are delivered at the same time.
const AT_ONCE: usize = 16;
/// For how long a message is one replica's to see to, in milliseconds.
const LEASE_MS: u64 = 30_000;
/// How long after the attempt before, in seconds; the last one is three days after the first.
const PAUSES: [u64; 10] = [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 73_000];
/// The longest that a recipient may ask us to wait.
const LONGEST_PAUSE: u64 = 86_400;

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
}

/// What becomes of a message.
enum Fate {
    Discard(&'static str),
    Again { outcome: &'static str, why: String, after: Option<Duration> },
}

impl Courier {
    /// Delivers until the future is dropped.
    pub async fn deliver(&self) {
        let mut failing = false;
        loop {
            let seen = self.deliver_due().await;
            if let (Err(error), false) = (&seen, failing) {
                tracing::warn!(%error, "messages for webhooks cannot be read from the store");
            }
            failing = seen.is_err();
            // As many as there may be at once: there are more.
            if seen.is_ok_and(|seen| seen == AT_ONCE) {
                continue;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn deliver_due(&self) -> Result<usize, StoreError> {
        let now_ms = self.clock.now_ms();
        let due = self.store.due(now_ms, now_ms + LEASE_MS, AT_ONCE).await?;
        let seen = due.len();
        futures_util::stream::iter(due).for_each_concurrent(AT_ONCE, |notice| self.see_to(notice)).await;
        Ok(seen)
    }

    /// One message. If the store fails, it is due again after the lease.
    async fn see_to(&self, notice: Notice) {
        let done = match serde_json::from_slice::<Parcel>(&notice.body) {
            Ok(parcel) => self.carry(parcel).await,
            Err(error) => {
                tracing::error!(%error, "a message for a webhook cannot be read, and is discarded");
                self.store.discard(notice.id).await
            }
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a message for a webhook could not be settled; it is tried again");
        }
    }

    async fn carry(&self, mut parcel: Parcel) -> Result<(), StoreError> {
        if !self.is_true(&parcel).await? {
            return self.store.discard(parcel.id).await;
        }
        parcel.held_for = None;
        let Some(webhook) = self.webhooks.by_id(&parcel.webhook) else {
            tracing::warn!(
                webhook = parcel.webhook,
                "a message is for a webhook that is no longer configured"
            );
            return self.store.discard(parcel.id).await;
        };
        let fate = match self.post(webhook, &parcel).await {
            Ok(receipt) => judge(receipt),
            Err(error) => Fate::Again { outcome: "unreachable", why: error.to_string(), after: None },
        };
        let (outcome, why, after) = match fate {
            Fate::Discard(outcome) => {
                self.metrics.webhook(&webhook.id, outcome);
                return self.store.discard(parcel.id).await;
            }
            Fate::Again { outcome, why, after } => (outcome, why, after),
        };
        self.metrics.webhook(&webhook.id, outcome);
        let Some(pause) = PAUSES.get(parcel.attempts as usize) else {
            tracing::error!(
                webhook = &*webhook.id,
                id = parcel.id,
                why,
                "a message was never delivered; it is given up"
            );
            self.metrics.webhook(&webhook.id, "given_up");
            return self.store.discard(parcel.id).await;
        };
        tracing::warn!(
            webhook = &*webhook.id,
            id = parcel.id,
            why,
            "a message could not be delivered; it is tried again"
        );
        parcel.attempts += 1;
        let pause = after.map_or(*pause, |after| after.as_secs().clamp(*pause, LONGEST_PAUSE));
        let due = parcel.due_at(self.clock.now_ms() + pause * 1000)?;
        self.store.repost(vec![due]).await
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

    async fn post(&self, webhook: &Webhook, parcel: &Parcel) -> Result<Receipt, FetchError> {
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

fn judge(Receipt { status, retry_after }: Receipt) -> Fate {
    match status {
        status if status.is_success() => Fate::Discard("delivered"),
        // The scheme's word for a recipient that wants nothing more.
        StatusCode::GONE => Fate::Discard("gone"),
        status => {
            Fate::Again { outcome: "refused", why: format!("the answer was {status}"), after: retry_after }
        }
    }
}
