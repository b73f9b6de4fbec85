//! What must be remembered: token records, replay records, births and cut-offs.
//!
//! The contract, the same for every store and tested by one suite:
//!
//! - [`Store::mint`] is one atomic step and one round trip: the replay record, the token record and
//!   the run's index are written together or not at all. Repeating it with the same hash is harmless.
//! - Everything may be asked again after an error, which means that nobody knows whether it was done.
//! - What was answered survives a crash of the broker. A store that lost its memory says so
//!   ([`Minting::Reset`]): it was born later than the ID token.
//! - Liveness is judged by the record's own `expires`, never by whether an entry is still there.

mod contract;
mod cutoff;
mod embedded;
pub mod redis;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

pub use contract::{Death, Entry, Mint, Minting, Slot, Tombstone};
pub use cutoff::{CutOff, Selector, Switch};
pub use embedded::Embedded;

use crate::token::{Tag, TokenHash};

/// An answer of a store, some day.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store did not answer. For the log; callers learn only `store_unavailable`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

impl StoreError {
    pub(crate) fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A store. See the module's contract.
pub trait Store: fmt::Debug + Send + Sync {
    /// Burns an ID token and keeps the registry token it made.
    fn mint(&self, mint: Arc<Mint>) -> Answer<'_, Minting>;

    /// What is known about a token.
    fn find(&self, tag: Tag, hash: TokenHash) -> Answer<'_, Option<Entry>>;

    /// Kills a token; what was dead stays as it was. The answer is what there was before.
    fn kill(&self, tag: Tag, hash: TokenHash, tombstone: Tombstone) -> Answer<'_, Option<Entry>>;

    /// All cut-offs.
    fn cut_offs(&self) -> Answer<'_, Vec<CutOff>>;

    /// Throws a switch at an instant, in milliseconds since the epoch.
    fn switch(&self, selector: Selector, switch: Switch, at_ms: u64) -> Answer<'_, ()>;

    /// Whether it can be written to now.
    fn ready(&self) -> Answer<'_, ()>;
}
