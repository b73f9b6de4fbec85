//! What must be remembered: token records, replay records, births and cut-offs.
//!
//! The contract, the same for every store and tested by one suite:
//!
//! - [`Store::mint`] is one atomic step and one round trip: the replay record, the token record and
//!   the run's index are written together or not at all. Repeating it with the same hash is harmless.
//! - Everything may be asked again after an error, which means that nobody knows whether it was done.
//! - What was answered survives a crash of the broker. A store that lost its memory says so
//!   ([`Minting::Reset`]): it was born later than the ID token.
//! - A token that has ended leaves a tombstone, so that for weeks a string that was minted can be told
//!   from one that never was.
//! - Liveness is judged by the record's own `expires`, never by whether an entry is still there.

mod contract;
mod cut_off;
mod embedded;
pub mod redis;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

pub use contract::{
    Cause, Corpse, Death, Doomed, Entry, Killed, Mint, Minting, Notice, Remembrance, Shared, Slot,
};
pub use cut_off::{CutOff, Selector, Switch};
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

    /// What is known about each of these tokens, tombstones included, at a second.
    fn look(
        &self,
        tokens: Vec<(Tag, TokenHash)>,
        remembrance: Remembrance,
        now: u64,
    ) -> Answer<'_, Vec<Option<Entry>>>;

    /// Kills tokens; what was dead stays as it was. The answer says for each of the doomed what is now
    /// known about the tokens that there were; what was never minted is not among them.
    fn kill(&self, doomed: Arc<[Doomed]>, killed: Killed) -> Answer<'_, Vec<Vec<Corpse>>>;

    /// All cut-offs.
    fn cut_offs(&self) -> Answer<'_, Vec<CutOff>>;

    /// Throws a switch at an instant, in milliseconds since the epoch.
    fn switch(&self, selector: Selector, switch: Switch, at_ms: u64) -> Answer<'_, ()>;

    /// Keeps messages, as far as there is room for `most` of them in all, and none of a name that is
    /// there already or was lately. The answer is the names of those that found no room.
    fn post(&self, notices: Vec<Notice>, most: u64) -> Answer<'_, Vec<String>>;

    /// The messages that are due, at most so many, the longest due first. They are not due again before
    /// `until_ms`, so that no two replicas see to the same one.
    fn due(&self, now_ms: u64, until_ms: u64, most: usize) -> Answer<'_, Vec<Notice>>;

    /// Replaces messages, whether or not they are there.
    fn repost(&self, notices: Vec<Notice>) -> Answer<'_, ()>;

    /// Forgets a message at a second; for a while, there is none of its name again.
    fn discard(&self, id: String, now: u64) -> Answer<'_, ()>;

    /// How many messages there are.
    fn waiting(&self) -> Answer<'_, u64>;

    /// Keeps a document for all replicas under a name of ours, for so many seconds.
    fn share(&self, name: String, document: Shared, ttl: u64) -> Answer<'_, ()>;

    /// The document under a name.
    fn shared(&self, name: String) -> Answer<'_, Option<Shared>>;

    /// Whether it can be written to now.
    fn ready(&self) -> Answer<'_, ()>;
}
