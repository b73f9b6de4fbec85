//! Fetching keys: one fetch at a time, rationed, ahead of expiry, and when wanted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{FetchedDocument, Inner, Keyring, Provider, RefreshPolicy};
use crate::fetch::FetchError;
use crate::keyring::rate_limiter::RateLimiter;

/// What is known about the fetches of someone's keys.
#[derive(Debug)]
pub(super) struct State {
    rate_limiter: RateLimiter,
    /// The running fetch; the channel's value is how it ended.
    running: Option<watch::Receiver<Option<Ended>>>,
    /// When the keys are to be fetched without anyone asking.
    refresh_at: Instant,
    /// Someone was turned away since the last fetch began.
    wanted: bool,
    /// How many fetches ended how.
    ended: BTreeMap<&'static str, u64>,
}

/// How a fetch ended.
pub(super) type Ended = Result<(), Arc<FetchError>>;

impl State {
    /// Nothing was fetched so far, and it is due at once.
    pub(super) fn new(now: Instant, refresh_policy: RefreshPolicy) -> Self {
        Self {
            rate_limiter: RateLimiter::new(refresh_policy.burst, refresh_policy.period),
            running: None,
            refresh_at: now,
            wanted: false,
            ended: BTreeMap::new(),
        }
    }

    /// Someone wants a fetch that begins from now on; tells when it is permitted.
    pub(super) fn want(&mut self, now: Instant) -> Instant {
        self.wanted = true;
        self.rate_limiter.permitted_at(now)
    }

    /// How many fetches ended how.
    pub(super) fn ended(&self) -> &BTreeMap<&'static str, u64> {
        &self.ended
    }

    /// When the next fetch is due.
    fn due(&self) -> Instant {
        let permitted_at = self.rate_limiter.permitted_at(Instant::now());
        if self.wanted { permitted_at } else { self.refresh_at.max(permitted_at) }
    }
}

impl<P: Provider> Keyring<P> {
    /// Fetches whenever it is due.
    pub(super) async fn keep_fetching(&self) {
        loop {
            let rescheduled = self.0.rescheduled.notified();
            let (due, now) = (self.0.state().due(), Instant::now());
            if due > now {
                tokio::select! {
                    () = sleep_until(due) => {}
                    () = rescheduled => {}
                }
            } else if let Ok(mut running) = self.join_or_start() {
                // However it ends, it says when the next one is due.
                let _ = running.wait_for(Option::is_some).await;
            }
        }
    }

    /// The running fetch, or a new one if one is permitted; else when it will be.
    pub(super) fn join_or_start(&self) -> Result<watch::Receiver<Option<Ended>>, Instant> {
        let mut state = self.0.state();
        if let Some(running) = &state.running
            && running.borrow().is_none()
            && running.has_changed().is_ok()
        {
            return Ok(running.clone());
        }
        let now = Instant::now();
        let permitted_at = state.rate_limiter.permitted_at(now);
        if permitted_at > now {
            return Err(permitted_at);
        }
        state.rate_limiter.take(now);
        state.wanted = false;
        state.refresh_at = now + self.0.provider.refresh_policy().period;
        let (done, running) = watch::channel(None);
        state.running = Some(running.clone());
        let inner = Arc::clone(&self.0);
        // A task of its own, so that a client that hangs up does not stop what others wait for.
        tokio::spawn(async move {
            let ended = inner.fetch(now).await;
            done.send_replace(Some(ended.map_err(Arc::new)));
            inner.rescheduled.notify_one();
        });
        Ok(running)
    }
}

impl<P: Provider> Inner<P> {
    /// Fetches once, and notes how it went and when the next time is.
    async fn fetch(&self, asked: Instant) -> Result<(), FetchError> {
        let fetched = self.fetch_set(asked).await;
        let mut state = self.state();
        let (label, pause) = match &fetched {
            Ok(refresh) => ("ok", *refresh),
            Err(error) => (error.label(), self.provider.refresh_policy().period),
        };
        *state.ended.entry(label).or_default() += 1;
        state.refresh_at = Instant::now() + pause;
        drop(state);
        if let Err(error) = &fetched {
            tracing::warn!(whose = self.provider.name(), %error, "the keys could not be fetched");
        }
        fetched.map(drop)
    }

    /// Replaces the keys by those that the provider has now; tells after how long they want to be
    /// refreshed.
    async fn fetch_set(&self, asked: Instant) -> Result<Duration, FetchError> {
        let FetchedDocument { document, max_age, age } = self.provider.fetch().await?;
        let set = self.provider.parse(&document).map_err(FetchError::document)?;
        let refresh_policy = self.provider.refresh_policy();
        let asked = asked.checked_sub(age).unwrap_or(asked);
        self.load(set, asked, Some(asked.max(Instant::now() - age) + refresh_policy.stale));
        Ok(refresh_policy.refresh_after(max_age).saturating_sub(age))
    }
}
