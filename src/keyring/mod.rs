//! Someone's public keys over time: read without waiting, fetched by one task at a time.
//!
//! Requests whose key is known never wait. An unknown key id waits, for a bounded time in a bounded
//! queue, for the running or the next permitted fetch. Fetches are rationed, also after failures,
//! so that neither random key ids nor a broken provider make us hammer anyone.
//!
//! No one can tell a key that was published a moment ago from one that never was, except by asking
//! its provider. So a request is told that its key does not exist only on a set that was asked for
//! after the request came. Anyone who cannot be told yet is turned away with the time to come again,
//! and the keys are fetched by then, whether or not anyone waits for it.
//!
//! What a key is, and where keys come from, is the [`Provider`]'s: issuers of ID tokens and
//! reporters of leaks have keyrings that differ in nothing else.

mod fetching;
mod file;
mod provider;
mod rate_limiter;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

pub use self::provider::{FetchedDocument, Keys, Provider, RefreshPolicy};

use self::fetching::State;
use self::file::KeysFile;
use crate::denial::{Denial, Reason};
use crate::fetch::FetchError;

/// How long an unknown key id waits for a fetch.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many requests wait at once, for each keyring: a small part of `limits.connections`, and more
/// than one client network can send within [`PATIENCE`] by the default limits.
const QUEUE: usize = 256;

/// Someone's keys.
pub struct Keyring<P: Provider>(Arc<Inner<P>>);

impl<P: Provider> Clone for Keyring<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Provider> std::fmt::Debug for Keyring<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Keyring").field(&self.0.provider).finish()
    }
}

struct Inner<P: Provider> {
    provider: P,
    /// The file that the keys are from, unless they are fetched.
    file: Option<KeysFile>,
    current: ArcSwapOption<Loaded<P::Keys>>,
    state: Mutex<State>,
    /// It may be another instant at which the keys are due.
    rescheduled: Notify,
    queue: Semaphore,
}

struct Loaded<K> {
    set: Arc<K>,
    /// When they were asked for.
    asked: Instant,
    until: Option<Instant>,
}

/// What is measured about a keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysStatus {
    /// How many keys serve now.
    pub usable: usize,
    /// How long ago they were fetched from their source, if ever.
    pub age: Option<Duration>,
    /// How many fetches ended how: `ok`, or [`FetchError::label`].
    pub fetches: BTreeMap<&'static str, u64>,
}

/// Why no key set is fetched that suits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The provider was asked after the request came, and has no such key.
    Unknown,
    /// No one can tell at the moment.
    Unavailable(Wait),
}

/// Why no one can tell, and when to come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// In words that suit any provider.
    pub why: &'static str,
    /// In seconds.
    pub retry_after: u64,
    /// How the fetch failed, for the operator only.
    pub failure: Option<String>,
}

impl Missing {
    /// Returns the denial of what was signed by this key, for the keyring of an `owner`: "issuer" or
    /// "reporter".
    pub fn into_denial(self, owner: &str) -> Denial {
        match self {
            Self::Unknown => Denial::new(
                Reason::UnknownKey,
                format!("the key of the signature is not among the {owner}'s keys"),
            ),
            Self::Unavailable(wait) => {
                let detail = format!("the {owner}'s keys cannot be looked up: {}", wait.why);
                let denial = Denial::new(Reason::IssuerUnavailable, detail).retry_after(wait.retry_after);
                Denial { internal: wait.failure, ..denial }
            }
        }
    }
}

impl<P: Provider> Keyring<P> {
    /// A keyring whose keys are fetched; there are none yet.
    pub fn fetched(provider: P) -> Self {
        Self::new(provider, None, None)
    }

    /// A keyring whose keys are from a file, and there at once.
    ///
    /// # Errors
    /// If what was read from the file is not a key set.
    pub fn from_file(provider: P, path: PathBuf, contents: &[u8]) -> Result<Self, String> {
        let set = provider.parse(contents)?;
        let loaded = Loaded { set: Arc::new(set), asked: Instant::now(), until: None };
        Ok(Self::new(provider, Some(KeysFile::new(path, contents)), Some(loaded)))
    }

    fn new(provider: P, file: Option<KeysFile>, current: Option<Loaded<P::Keys>>) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State::new(Instant::now(), provider.refresh_policy())),
            provider,
            file,
            current: ArcSwapOption::new(current.map(Arc::new)),
            rescheduled: Notify::new(),
            queue: Semaphore::new(QUEUE),
        }))
    }

    /// Keeps the keys fresh until the returned future is dropped; call it once from a task.
    pub async fn maintain(self) {
        match &self.0.file {
            Some(_) => self.follow_file().await,
            None => self.keep_fetching().await,
        }
    }

    /// Whose keys they are.
    pub fn provider(&self) -> &P {
        &self.0.provider
    }

    /// What is to be measured.
    pub fn status(&self) -> KeysStatus {
        KeysStatus {
            usable: self.0.serving(|_| true).map_or(0, |set| set.count()),
            age: self.0.current.load().as_ref().map(|loaded| loaded.asked.elapsed()),
            fetches: self.0.state().ended().clone(),
        }
    }

    /// The key set that serves and suits; if need be, after a fetch.
    ///
    /// # Errors
    /// See [`Missing`].
    pub async fn find(&self, mut suits: impl FnMut(&Arc<P::Keys>) -> bool) -> Result<Arc<P::Keys>, Missing> {
        if let Some(set) = self.0.serving(&mut suits) {
            return Ok(set);
        }
        if self.0.file.is_some() {
            return Err(Missing::Unknown);
        }
        let requested_at = Instant::now();
        let deadline = requested_at + PATIENCE;
        let Ok(_place) = self.0.queue.try_acquire() else {
            return Err(self.retry_later("too many requests wait for its provider's keys", None));
        };
        loop {
            let mut running = match self.join_or_start() {
                Ok(running) => running,
                Err(permitted_at) if permitted_at <= deadline => {
                    sleep_until(permitted_at).await;
                    if let Some(answer) = self.0.settled(&mut suits, requested_at) {
                        return answer;
                    }
                    continue;
                }
                Err(_) => {
                    let why = "the key is not among the known ones, and they were fetched moments ago";
                    return Err(self.retry_later(why, None));
                }
            };
            let ended = timeout_at(deadline, running.wait_for(Option::is_some)).await;
            let failure = match ended {
                Ok(Ok(ended)) => ended.clone().and_then(Result::err).map(|error| error.to_string()),
                Ok(Err(_)) => Some(FetchError::Aborted.to_string()),
                Err(_) => Some("the fetch takes too long".to_owned()),
            };
            if let Some(answer) = self.0.settled(&mut suits, requested_at) {
                return answer;
            }
            if failure.is_some() {
                return Err(self.retry_later("the keys cannot be fetched at the moment", failure));
            }
        }
    }

    /// No one is told that a key does not exist before the provider was asked; the keys are fetched as
    /// soon as it is permitted, and it is worth while to come again after that.
    fn retry_later(&self, why: &'static str, failure: Option<String>) -> Missing {
        let now = Instant::now();
        let permitted_at = self.0.state().want(now);
        self.0.rescheduled.notify_one();
        // What is left of the second, and one for the fetch itself.
        let retry_after = permitted_at.saturating_duration_since(now).as_secs() + 2;
        Missing::Unavailable(Wait { why, retry_after, failure })
    }
}

impl<P: Provider> Inner<P> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serving(&self, suits: impl FnOnce(&Arc<P::Keys>) -> bool) -> Option<Arc<P::Keys>> {
        let loaded = self.current.load();
        let loaded = loaded.as_ref()?;
        let serves = loaded.until.is_none_or(|until| Instant::now() < until);
        (serves && suits(&loaded.set)).then(|| Arc::clone(&loaded.set))
    }

    /// The answer to a request that came at this instant, if there is one yet.
    fn settled(
        &self,
        suits: impl FnOnce(&Arc<P::Keys>) -> bool,
        requested_at: Instant,
    ) -> Option<Result<Arc<P::Keys>, Missing>> {
        if let Some(set) = self.serving(suits) {
            return Some(Ok(set));
        }
        let asked_since = self.current.load().as_ref().is_some_and(|loaded| loaded.asked >= requested_at);
        asked_since.then_some(Err(Missing::Unknown))
    }

    fn load(&self, set: P::Keys, asked: Instant, until: Option<Instant>) {
        for (id, why) in set.skipped() {
            let whose = self.provider.name();
            tracing::debug!(whose, kid = ?id, why, "a key is not usable");
        }
        self.current.store(Some(Arc::new(Loaded { set: Arc::new(set), asked, until })));
    }
}
