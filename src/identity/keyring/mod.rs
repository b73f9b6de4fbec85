//! An issuer's keys over time: read without waiting, fetched by one task at a time.
//!
//! Requests whose key is known never wait. An unknown `kid` waits, for a bounded time in a bounded
//! queue, for the running or the next permitted fetch. Fetches are rationed, also after failures,
//! so that neither random `kid`s nor a broken issuer make us hammer anybody.
//!
//! Nobody can tell a key that was published a moment ago from one that never was, except by asking
//! the issuer. So a request is told that its key does not exist only on a set that was asked for
//! after the request came. Whoever cannot be told yet is turned away with the time to come again,
//! and the keys are fetched by then, whether or not anybody waits for it.

mod fetching;
mod file;
mod ration;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

pub use self::fetching::refresh_after;
pub use self::file::KeysFile;

use self::fetching::State;
use super::{KeySet, Remote};
use crate::denial::{Denial, Reason};
use crate::fetch::FetchError;

/// How long an unknown `kid` waits for a fetch.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many requests wait at once, for each issuer: a small part of `limits.connections`, and more
/// than one client network can send within [`PATIENCE`] by the default limits.
const QUEUE: usize = 256;

/// Where an issuer's keys come from.
#[derive(Debug)]
pub enum KeySource {
    /// A file, and what was in it when the configuration was read.
    File(KeysFile, KeySet),
    /// The issuer itself.
    Fetched(Remote),
}

/// An issuer's keys.
#[derive(Debug, Clone)]
pub struct Keyring(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: Arc<str>,
    allow_no_kid: bool,
    current: ArcSwapOption<Loaded>,
    source: Source,
    state: Mutex<State>,
    /// It may be another instant at which the keys are due.
    rescheduled: Notify,
    queue: Semaphore,
}

#[derive(Debug)]
enum Source {
    File(KeysFile),
    Remote(Remote),
}

#[derive(Debug)]
struct Loaded {
    set: Arc<KeySet>,
    /// When they were asked for.
    asked: Instant,
    until: Option<Instant>,
}

/// What is measured about an issuer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysStatus {
    /// How many keys serve now.
    pub usable: usize,
    /// How long ago they were had from their source, if ever.
    pub age: Option<Duration>,
    /// How many fetches ended how: `ok`, or [`FetchError::label`].
    pub fetches: BTreeMap<&'static str, u64>,
}

impl Keyring {
    /// The keyring of the issuer with this id; keys from a file are there at once. `allow_no_kid`:
    /// whether a token without a `kid` may be by the only key there is.
    pub fn new(issuer: Arc<str>, source: KeySource, allow_no_kid: bool) -> Self {
        let now = Instant::now();
        let (current, source) = match source {
            KeySource::File(file, set) => {
                (Some(Loaded { set: Arc::new(set), asked: now, until: None }), Source::File(file))
            }
            KeySource::Fetched(remote) => (None, Source::Remote(remote)),
        };
        Self(Arc::new(Inner {
            issuer,
            allow_no_kid,
            current: ArcSwapOption::new(current.map(Arc::new)),
            source,
            state: Mutex::new(State::new(now)),
            rescheduled: Notify::new(),
            queue: Semaphore::new(QUEUE),
        }))
    }

    /// Keeps the keys fresh until the returned future is dropped; call it once from a task.
    pub async fn maintain(self) {
        match &self.0.source {
            Source::File(_) => self.follow_file().await,
            Source::Remote(_) => self.keep_fetching().await,
        }
    }

    /// The issuer on the network, unless its keys are from a file.
    pub fn remote(&self) -> Option<&Remote> {
        match &self.0.source {
            Source::File(_) => None,
            Source::Remote(remote) => Some(remote),
        }
    }

    /// Whether a token without a `kid` may be by the only key there is.
    pub fn allows_no_kid(&self) -> bool {
        self.0.allow_no_kid
    }

    /// The key set that holds a key under this `kid`.
    ///
    /// # Errors
    /// `unknown_key` if a fresh set lacks it, `issuer_unavailable` if no fresh set can be had now.
    pub async fn with_key(&self, kid: &str) -> Result<Arc<KeySet>, Denial> {
        self.find(|set| set.contains(Some(kid))).await
    }

    /// The key set whose only key verifies a token without a `kid`. One that does not verify may be by
    /// a key that replaced ours, of which there is no other sign: it is as if its key were unknown.
    ///
    /// # Errors
    /// `unknown_key` if such tokens are not allowed; otherwise as for [`Keyring::with_key`].
    pub async fn with_only_key(
        &self,
        mut verifies: impl FnMut(&KeySet) -> bool,
    ) -> Result<Arc<KeySet>, Denial> {
        if !self.0.allow_no_kid {
            return Err(Denial::new(Reason::UnknownKey, "the ID token's header has no `kid`"));
        }
        let mut tried: Option<Arc<KeySet>> = None;
        let tries_once = |set: &Arc<KeySet>| {
            let before = tried.replace(Arc::clone(set));
            before.is_none_or(|before| !Arc::ptr_eq(&before, set)) && set.contains(None) && verifies(set)
        };
        self.find(tries_once).await
    }

    /// What is to be measured.
    pub fn status(&self) -> KeysStatus {
        KeysStatus {
            usable: self.0.serving(|_| true).map_or(0, |set| set.len()),
            age: self.0.current.load().as_ref().map(|loaded| loaded.asked.elapsed()),
            fetches: self.0.state().ended().clone(),
        }
    }

    /// The key set that serves and suits; if need be, after a fetch.
    async fn find(&self, mut suits: impl FnMut(&Arc<KeySet>) -> bool) -> Result<Arc<KeySet>, Denial> {
        if let Some(set) = self.0.serving(&mut suits) {
            return Ok(set);
        }
        if matches!(self.0.source, Source::File(_)) {
            return Err(unknown_key());
        }
        let came = Instant::now();
        let deadline = came + PATIENCE;
        let Ok(_place) = self.0.queue.try_acquire() else {
            return Err(self.turn_away("too many requests wait for this issuer's keys"));
        };
        loop {
            let mut running = match self.join_or_start() {
                Ok(running) => running,
                Err(permitted_at) if permitted_at <= deadline => {
                    sleep_until(permitted_at).await;
                    if let Some(answer) = self.0.settled(&mut suits, came) {
                        return answer;
                    }
                    continue;
                }
                Err(_) => {
                    return Err(self.turn_away(
                        "the ID token's key is not among the issuer's known keys, and they were fetched moments ago",
                    ));
                }
            };
            let ended = timeout_at(deadline, running.wait_for(Option::is_some)).await;
            let failure = match ended {
                Ok(Ok(ended)) => ended.clone().and_then(Result::err).map(|error| error.to_string()),
                Ok(Err(_)) => Some(FetchError::Aborted.to_string()),
                Err(_) => Some("the fetch takes too long".to_owned()),
            };
            if let Some(answer) = self.0.settled(&mut suits, came) {
                return answer;
            }
            if let Some(failure) = failure {
                return Err(self
                    .turn_away("the issuer's keys cannot be fetched at the moment")
                    .internal(failure));
            }
        }
    }

    /// Nobody is told that a key does not exist before the issuer was asked; the keys are fetched as
    /// soon as it is permitted, and it is worth while to come again after that.
    fn turn_away(&self, why: &'static str) -> Denial {
        let now = Instant::now();
        let permitted_at = self.0.state().want(now);
        self.0.rescheduled.notify_one();
        // What is left of the second, and one for the fetch itself.
        let wait = permitted_at.saturating_duration_since(now).as_secs() + 2;
        Denial::new(Reason::IssuerUnavailable, why).retry_after(wait)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serving(&self, suits: impl FnOnce(&Arc<KeySet>) -> bool) -> Option<Arc<KeySet>> {
        let loaded = self.current.load();
        let loaded = loaded.as_ref()?;
        let serves = loaded.until.is_none_or(|until| Instant::now() < until);
        (serves && suits(&loaded.set)).then(|| Arc::clone(&loaded.set))
    }

    /// The answer to a request that came at this instant, if there is one yet.
    fn settled(
        &self,
        suits: impl FnOnce(&Arc<KeySet>) -> bool,
        came: Instant,
    ) -> Option<Result<Arc<KeySet>, Denial>> {
        if let Some(set) = self.serving(suits) {
            return Some(Ok(set));
        }
        let asked_since = self.current.load().as_ref().is_some_and(|loaded| loaded.asked >= came);
        asked_since.then(|| Err(unknown_key()))
    }

    fn load(&self, set: KeySet, asked: Instant, until: Option<Instant>) {
        for skipped in &set.skipped {
            let issuer = &*self.issuer;
            tracing::debug!(issuer, kid = ?skipped.kid, why = skipped.why, "a key of the issuer is not usable");
        }
        self.current.store(Some(Arc::new(Loaded { set: Arc::new(set), asked, until })));
    }
}

fn unknown_key() -> Denial {
    Denial::new(Reason::UnknownKey, "the ID token's key is not among the issuer's keys")
}
