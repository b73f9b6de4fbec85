//! The use cases: exchange, introspect, revoke, disclose, and the cut-offs. Nothing here
//! knows HTTP.

mod audience;
mod authorize;
mod complete_on_drop;
mod cut_offs;
mod exchange;
mod explain;
mod introspect;
mod leak_response;
mod policies;
mod revocation;
mod revoke;
mod verify_id_token;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use audience::Audience;
pub use cut_offs::CutOffCache;
pub use exchange::{ExchangeRequest, IssuedToken};
pub use explain::{Evidence, Explanations};
pub use introspect::{Active, Introspection};
pub use leak_response::classify::Reported;
pub use policies::{FailedReload, Policies};
pub use verify_id_token::{Expected, Progress, VerifiedIdToken, verify_id_token};

use crate::clock::Clock;
use crate::denial::{Denial, Reason};
use crate::events::{Audit, Event, EventPermit, Outcome};
use crate::identity::Issuers;
use crate::metrics::Metrics;
use crate::registry::Registries;
use crate::reporters::Reporters;
use crate::store::{CutOffAction, Selector, Store, StoreError, StoreFuture, TombstoneRetention};
use crate::webhooks::WebhookDispatcher;

/// The pause before the store is asked again.
const REPEAT_AFTER: Duration = Duration::from_millis(50);

/// The broker's own bounds.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest ID token, in bytes.
    pub id_token_bytes: usize,
    /// How long the store may take in all.
    pub store_timeout: Duration,
    /// How long the store may take for each part of a leak report.
    pub report_patience: Duration,
    /// How long and how often it is remembered that a token was minted.
    pub tombstone_retention: TombstoneRetention,
    /// How many messages may be on their way.
    pub notices: u64,
    /// How many packages one ID token may be spent on, one by one.
    pub packages_per_id_token: u32,
    /// How often one ID token is explained.
    pub explanations_per_id_token: u32,
}

/// What a [`Broker`] is built of.
#[derive(Debug)]
pub struct BrokerParts {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The broker's own issuer identifier.
    pub public_url: String,
    /// The issuers whose ID tokens are accepted.
    pub issuers: Arc<Issuers>,
    /// The registries that tokens are minted for.
    pub registries: Arc<Registries>,
    /// The active policies.
    pub policies: Arc<Policies>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Who may report leaked tokens.
    pub reporters: Reporters,
    /// The dispatcher of webhooks.
    pub dispatcher: Arc<WebhookDispatcher>,
    /// The queue of events.
    pub events: Audit,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The bounds.
    pub bounds: Bounds,
}

/// The use cases of the service and everything they need.
#[derive(Debug)]
pub struct Broker {
    clock: Arc<dyn Clock>,
    public_url: String,
    issuers: Arc<Issuers>,
    registries: Arc<Registries>,
    policies: Arc<Policies>,
    store: Arc<dyn Store>,
    cut_offs: CutOffCache,
    explanations: Explanations,
    reporters: Reporters,
    dispatcher: Arc<WebhookDispatcher>,
    events: Audit,
    metrics: Arc<Metrics>,
    bounds: Bounds,
}

impl Broker {
    /// Creates a broker that has not read any cut-off yet; see [`Broker::refresh_cut_offs`].
    pub fn new(parts: BrokerParts) -> Self {
        let BrokerParts {
            clock,
            public_url,
            issuers,
            registries,
            policies,
            store,
            reporters,
            dispatcher,
            events,
            metrics,
            bounds,
        } = parts;
        Self {
            clock,
            public_url,
            issuers,
            registries,
            policies,
            store,
            cut_offs: CutOffCache::default(),
            explanations: Explanations::default(),
            reporters,
            dispatcher,
            events,
            metrics,
            bounds,
        }
    }

    /// Returns the broker's own issuer identifier.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Returns the configured issuers.
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Returns the configured registries.
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// Returns the configured reporters.
    pub fn reporters(&self) -> &Reporters {
        &self.reporters
    }

    /// Returns the active policies.
    pub fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// Returns the cached cut-offs.
    pub fn cut_offs(&self) -> &CutOffCache {
        &self.cut_offs
    }

    /// Returns the dispatcher of webhooks.
    pub fn dispatcher(&self) -> &Arc<WebhookDispatcher> {
        &self.dispatcher
    }

    /// Returns the metrics.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Returns how many events wait to be written.
    pub fn events_waiting(&self) -> usize {
        self.events.waiting()
    }

    /// Reads the cut-offs from the store once.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn refresh_cut_offs(&self) -> Result<(), String> {
        self.cut_offs.refresh(&*self.store, self.clock.now_ms()).await
    }

    /// Refreshes the cut-offs until the future is dropped.
    pub async fn keep_cut_offs_fresh(&self) {
        self.cut_offs.keep_refreshing(&*self.store, &*self.clock).await;
    }

    /// Waits for the store, but not longer than `limits.store_timeout`.
    async fn within_deadline<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Denial> {
        match tokio::time::timeout(self.bounds.store_timeout, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(store_unavailable(&error)),
            Err(_) => Err(store_unavailable(&StoreError("no answer in time".to_owned()))),
        }
    }

    /// Whether the store can be written to now.
    pub async fn store_is_ready(&self) -> bool {
        self.within_deadline(self.store.ready()).await.is_ok()
    }

    /// How many messages wait, if there is anyone to tell and the store answers.
    pub async fn notices_waiting(&self) -> Option<u64> {
        if self.dispatcher.webhooks.is_empty() {
            return None;
        }
        self.within_deadline(self.store.waiting()).await.ok()
    }

    /// Asks the store until it answers, but not longer than `limits.store_timeout`: an answer that was
    /// lost is asked for again, which the store's contract makes harmless.
    async fn with_retry<'s, T>(&'s self, ask: impl Fn() -> StoreFuture<'s, T>) -> Result<T, Denial> {
        self.with_retry_for(self.bounds.store_timeout, ask).await
    }

    /// The same, for as long as this.
    async fn with_retry_for<'s, T>(
        &'s self,
        patience: Duration,
        ask: impl Fn() -> StoreFuture<'s, T>,
    ) -> Result<T, Denial> {
        let deadline = Instant::now() + patience;
        let mut last = StoreError("no answer in time".to_owned());
        loop {
            match tokio::time::timeout_at(deadline, ask()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => last = error,
                Err(_) => return Err(store_unavailable(&last)),
            }
            if Instant::now() + REPEAT_AFTER >= deadline {
                return Err(store_unavailable(&last));
            }
            tokio::time::sleep(REPEAT_AFTER).await;
        }
    }

    /// Sets or ends a cut-off or suspension. It is in force on this replica at once, and on all within a second.
    /// It completes with its event even if the operator disconnects.
    ///
    /// # Errors
    /// If the event cannot be recorded or the store does not answer.
    pub async fn set_cut_off(
        self: &Arc<Self>,
        selector: Selector,
        action: CutOffAction,
    ) -> Result<(), Denial> {
        let place = self.reserve_event()?;
        let broker = Arc::clone(self);
        let event = Event::new(self.clock.now_ms(), Outcome::Switched, "admin");
        let applied =
            tokio::spawn(async move { broker.apply_cut_off(&selector, action, event, Some(place)).await });
        applied.await.unwrap_or_else(|error| {
            Err(Denial::new(Reason::Overloaded, "the change of the cut-off was aborted").internal(error))
        })
    }

    /// Applies a change of a cut-off, records its event, and refreshes the cached cut-offs of this replica.
    async fn apply_cut_off(
        &self,
        selector: &Selector,
        action: CutOffAction,
        mut event: Event,
        place: Option<EventPermit>,
    ) -> Result<(), Denial> {
        let now_ms = event.at_ms;
        let applied = self.with_retry(|| self.store.set_cut_off(selector.clone(), action, now_ms)).await;
        if let Err(denial) = &applied {
            // It may have been applied; the caller will retry.
            event.refuse(denial);
        }
        let what = serde_json::to_string(selector).unwrap_or_default();
        event.detail = Some(format!("{action:?} {what}"));
        self.record(place, event).await;
        applied?;
        let renewed = self.cut_offs.refresh(&*self.store, now_ms).await;
        renewed.map_err(|error| store_unavailable(&StoreError(error)))
    }

    /// Records an event, in a place that was taken or in the next one that becomes free: what is done
    /// already cannot be refused any more.
    async fn record(&self, place: Option<EventPermit>, event: Event) {
        match place {
            Some(place) => place.record(event),
            None => self.events.record(event).await,
        }
    }

    /// A place for the event of what is about to be decided.
    fn reserve_event(&self) -> Result<EventPermit, Denial> {
        self.events.reserve().map_err(|_| {
            Denial::new(Reason::Overloaded, "decisions cannot be recorded at the moment, so none is made")
        })
    }
}

fn store_unavailable(error: &StoreError) -> Denial {
    tracing::warn!(%error, "the store did not answer");
    Denial::new(Reason::StoreUnavailable, "the store cannot be reached at the moment").internal(error)
}
