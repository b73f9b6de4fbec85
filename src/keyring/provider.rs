//! What differs between keyrings.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Bytes;

use crate::fetch::{FetchError, Fetched};

/// Whose keys they are, how they are written, and where they are fetched.
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// The usable keys of one document.
    type Keys: Keys;

    /// Its name in logs.
    fn name(&self) -> &str;

    /// How often it is asked.
    fn refresh_policy(&self) -> RefreshPolicy;

    /// Asks for the document.
    fn fetch(&self) -> BoxFuture<'_, Result<FetchedDocument, FetchError>>;

    /// Makes sense of the document.
    ///
    /// # Errors
    /// If it is not a key set, or holds no usable key; what it says is repeated to a bounded length.
    fn parse(&self, document: &[u8]) -> Result<Self::Keys, String>;
}

/// A set of keys.
pub trait Keys: Send + Sync + 'static {
    /// How many can be used.
    fn count(&self) -> usize;

    /// The ids of those that cannot, and why.
    fn skipped(&self) -> impl Iterator<Item = (Option<&str>, &'static str)>;
}

/// A document with keys.
#[derive(Clone, Debug)]
pub struct FetchedDocument {
    /// Its bytes.
    pub document: Bytes,
    /// How long it stays fresh, by what its provider says.
    pub max_age: Option<Duration>,
    /// How long ago the provider was asked for it: not now, where another replica did.
    pub age: Duration,
}

impl From<Fetched> for FetchedDocument {
    fn from(fetched: Fetched) -> Self {
        Self { document: fetched.body, max_age: fetched.max_age, age: Duration::ZERO }
    }
}

/// How often a provider is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// Fetches that may follow each other at once.
    pub burst: u32,
    /// Then one in this time.
    pub period: Duration,
    /// Keys are refreshed when this old, unless their provider's `Cache-Control` wants it sooner.
    pub refresh: Duration,
    /// No provider is asked more often than this by its own wish.
    pub soonest_refresh: Duration,
    /// Keys that could not be refreshed serve this long.
    pub stale: Duration,
}

impl RefreshPolicy {
    /// After how long keys are refreshed that may be kept this long, or as long as one likes.
    pub fn refresh_after(&self, max_age: Option<Duration>) -> Duration {
        max_age.map_or(self.refresh, |max_age| max_age.clamp(self.soonest_refresh, self.refresh))
    }
}
