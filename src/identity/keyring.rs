//! An issuer's keys over time: read without waiting, fetched by one task at a time.
//!
//! Requests whose key is known never wait. An unknown `kid` waits, for a bounded time in a bounded
//! queue, for the running or the next permitted fetch. Fetches are rationed, also after failures,
//! so that neither random `kid`s nor a broken issuer make us hammer anybody.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::{KeySet, Remote};
use crate::denial::{Denial, Reason};
use crate::fetch::{FetchError, Fetched};

/// Fetches that may follow each other at once.
const BURST: u32 = 2;
/// Then one in this time.
const PERIOD: Duration = Duration::from_secs(10);
/// How long an unknown `kid` waits for a fetch.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many requests wait at once, for each issuer.
const QUEUE: usize = 256;
/// Keys are refreshed when this old, or when the issuer's `Cache-Control` says so, within bounds.
const REFRESH: (Duration, Duration, Duration) =
    (Duration::from_secs(300), Duration::from_secs(3600), Duration::from_secs(86_400));
/// Keys that could not be refreshed serve this long.
const STALE: Duration = Duration::from_secs(86_400);

/// Where an issuer's keys come from.
#[derive(Debug)]
pub enum KeySource {
    /// A file, read with the configuration.
    File(KeySet),
    /// The issuer itself.
    Fetched(Remote),
}

/// An issuer's keys.
#[derive(Debug, Clone)]
pub struct Keyring(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    current: ArcSwapOption<Loaded>,
    source: Option<Remote>,
    state: Mutex<State>,
    queue: Semaphore,
}

#[derive(Debug)]
struct Loaded {
    set: Arc<KeySet>,
    until: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    /// When the bucket of permitted fetches would be full again (GCRA).
    full_at: Option<Instant>,
    /// The running fetch; the channel's value is how it ended.
    running: Option<watch::Receiver<Option<Ended>>>,
}

/// How a fetch ended; on success, after how long the keys want to be refreshed.
type Ended = Result<Duration, Arc<FetchError>>;

impl Keyring {
    /// A keyring; keys from a file are there at once.
    pub fn new(source: KeySource) -> Self {
        let (current, source) = match source {
            KeySource::File(set) => (Some(Arc::new(Loaded { set: Arc::new(set), until: None })), None),
            KeySource::Fetched(remote) => (None, Some(remote)),
        };
        Self(Arc::new(Inner {
            current: ArcSwapOption::new(current),
            source,
            state: Mutex::default(),
            queue: Semaphore::new(QUEUE),
        }))
    }

    /// Keeps the keys fresh until the returned future is dropped; call it once from a task.
    pub async fn maintain(self) {
        if self.0.source.is_none() {
            return;
        }
        loop {
            let pause = match self.fetch_once().await {
                Ok(refresh) => refresh,
                Err(_) => PERIOD,
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// The key set that holds this `kid`.
    ///
    /// # Errors
    /// `unknown_key` if a fresh set lacks it, `issuer_unavailable` if no fresh set can be had now.
    pub async fn with_key(&self, kid: &str) -> Result<Arc<KeySet>, Denial> {
        if let Some(set) = self.known(kid) {
            return Ok(set);
        }
        if self.0.source.is_none() {
            return Err(unknown_key());
        }
        let _place = self.0.queue.try_acquire().map_err(|_| {
            Denial::new(Reason::IssuerUnavailable, "too many requests wait for this issuer's keys")
        })?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.join_or_start() {
                Ok(running) => return self.await_key(kid, running, deadline).await,
                Err(permitted_at) if permitted_at <= deadline => tokio::time::sleep_until(permitted_at).await,
                Err(permitted_at) => {
                    let wait = permitted_at.saturating_duration_since(Instant::now()).as_secs() + 1;
                    return Err(Denial::new(
                        Reason::IssuerUnavailable,
                        "the ID token's key is not among the issuer's known keys, and they were fetched moments ago",
                    )
                    .retry_after(wait));
                }
            }
        }
    }

    /// The issuer on the network, unless its keys are from a file.
    pub fn remote(&self) -> Option<&Remote> {
        self.0.source.as_ref()
    }

    /// The ids of the keys that serve now.
    pub fn kids(&self) -> Vec<String> {
        self.0
            .current
            .load()
            .as_ref()
            .map_or_else(Vec::new, |loaded| loaded.set.kids().map(str::to_owned).collect())
    }

    fn known(&self, kid: &str) -> Option<Arc<KeySet>> {
        let loaded = self.0.current.load();
        let loaded = loaded.as_ref()?;
        let serves = loaded.until.is_none_or(|until| Instant::now() < until);
        (serves && loaded.set.contains(kid)).then(|| Arc::clone(&loaded.set))
    }

    async fn await_key(
        &self,
        kid: &str,
        mut running: watch::Receiver<Option<Ended>>,
        deadline: Instant,
    ) -> Result<Arc<KeySet>, Denial> {
        let ended = tokio::time::timeout_at(deadline, running.wait_for(Option::is_some)).await;
        let ended = match ended {
            Ok(Ok(ended)) => ended.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        if let Some(set) = self.known(kid) {
            return Ok(set);
        }
        match ended {
            Some(Ok(_)) => Err(unknown_key()),
            Some(Err(error)) => Err(unavailable().internal(error)),
            None => Err(unavailable().internal("the fetch takes too long")),
        }
    }

    /// Fetches when permitted, and waits for the end.
    async fn fetch_once(&self) -> Ended {
        loop {
            match self.join_or_start() {
                Err(permitted_at) => tokio::time::sleep_until(permitted_at).await,
                Ok(mut running) => {
                    let ended = running.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
                    return ended.unwrap_or_else(|| Err(Arc::new(FetchError::Aborted)));
                }
            }
        }
    }

    /// The running fetch, or a new one if one is permitted; else when it will be.
    fn join_or_start(&self) -> Result<watch::Receiver<Option<Ended>>, Instant> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &state.running
            && running.borrow().is_none()
            && running.has_changed().is_ok()
        {
            return Ok(running.clone());
        }
        let now = Instant::now();
        let full_at = state.full_at.map_or(now, |full_at| full_at.max(now));
        let permitted_at = (full_at + PERIOD).checked_sub(PERIOD * BURST).unwrap_or(now);
        if permitted_at > now {
            return Err(permitted_at);
        }
        state.full_at = Some(full_at + PERIOD);
        let (done, running) = watch::channel(None);
        state.running = Some(running.clone());
        let inner = Arc::clone(&self.0);
        // A task of its own, so that a client that hangs up does not stop what others wait for.
        tokio::spawn(async move {
            let ended = inner.fetch().await.map_err(Arc::new);
            if let (Err(error), Some(remote)) = (&ended, &inner.source) {
                tracing::warn!(issuer = %remote.issuer_url, %error, "the issuer's keys could not be fetched");
            }
            done.send_replace(Some(ended));
        });
        Ok(running)
    }
}

impl Inner {
    async fn fetch(&self) -> Result<Duration, FetchError> {
        let Some(remote) = &self.source else { return Err(FetchError::Aborted) };
        let Fetched { body, max_age, .. } = remote.keys().await?;
        let set = KeySet::parse(&body).map_err(|error| FetchError::Document(error.to_string()))?;
        for skipped in &set.skipped {
            tracing::debug!(issuer = %remote.issuer_url, kid = ?skipped.kid, why = skipped.why, "a key of the issuer is not usable");
        }
        self.current
            .store(Some(Arc::new(Loaded { set: Arc::new(set), until: Some(Instant::now() + STALE) })));
        Ok(refresh_after(max_age))
    }
}

/// After how long keys are refreshed that came with this `Cache-Control: max-age`, or with none.
pub fn refresh_after(max_age: Option<Duration>) -> Duration {
    let (least, usual, most) = REFRESH;
    max_age.map_or(usual, |max_age| max_age.clamp(least, most).min(usual))
}

fn unknown_key() -> Denial {
    Denial::new(Reason::UnknownKey, "the ID token's `kid` is not among the issuer's keys")
}

fn unavailable() -> Denial {
    Denial::new(Reason::IssuerUnavailable, "the issuer's keys cannot be fetched at the moment")
}
