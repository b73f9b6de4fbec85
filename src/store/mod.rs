//! What must be remembered: token records, replay records, epochs and cut-offs.
//!
//! The contract, the same for every store and tested by one suite:
//!
//! - [`Store::mint`] is one atomic step and one round trip: the replay record, the token record and
//!   the run's index are written together or not at all. Repeating it with the same hash is harmless.
//! - Everything may be asked again after an error, which means that no one knows whether it was done.
//! - What was answered survives a crash of the broker. A store that lost its memory says so
//!   ([`MintOutcome::Reset`]): it was born later than the ID token.
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
    Cause, Entry, Mint, MintOutcome, OutboxMessage, Revocation, RevocationReason, RevocationTarget,
    RevokedEntry, SharedDocument, Slot, TombstoneRetention,
};
pub use cut_off::{CutOff, CutOffAction, Selector};
pub use embedded::Embedded;

use crate::token::{Tag, TokenHash};

/// An answer of a store, some day.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

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
    /// Spends an ID token and keeps the registry token it made.
    fn mint(&self, mint: Arc<Mint>) -> StoreFuture<'_, MintOutcome>;

    /// What is known about a token.
    fn find(&self, tag: Tag, hash: TokenHash) -> StoreFuture<'_, Option<Entry>>;

    /// What is known about each of these tokens, tombstones included, at a second.
    fn get_many(
        &self,
        tokens: Vec<(Tag, TokenHash)>,
        tombstone_retention: TombstoneRetention,
        now: u64,
    ) -> StoreFuture<'_, Vec<Option<Entry>>>;

    /// Revokes tokens; what was revoked stays as it was. The answer says for each of the doomed what is now
    /// known about the tokens that there were; what was never minted is not among them.
    fn revoke(
        &self,
        targets: Arc<[RevocationTarget]>,
        revoked: Revocation,
    ) -> StoreFuture<'_, Vec<Vec<RevokedEntry>>>;

    /// All cut-offs.
    fn cut_offs(&self) -> StoreFuture<'_, Vec<CutOff>>;

    /// Changes the cut-off of a selector at an instant, in milliseconds since the Unix epoch.
    fn set_cut_off(&self, selector: Selector, action: CutOffAction, at_ms: u64) -> StoreFuture<'_, ()>;

    /// Keeps messages, as far as there is room for `most` of them in all, and none of a name that is
    /// there already or was lately. The answer is the names of those that found no room.
    fn post(&self, messages: Vec<OutboxMessage>, most: u64) -> StoreFuture<'_, Vec<String>>;

    /// The messages that are due, at most so many, the longest due first. They are not due again before
    /// `until_ms`, so that no two replicas see to the same one.
    fn due(&self, now_ms: u64, until_ms: u64, most: usize) -> StoreFuture<'_, Vec<OutboxMessage>>;

    /// Replaces messages, whether or not they are there.
    fn repost(&self, messages: Vec<OutboxMessage>) -> StoreFuture<'_, ()>;

    /// Forgets a message at a second; for a while, there is none of its name again.
    fn discard(&self, id: String, now: u64) -> StoreFuture<'_, ()>;

    /// How many messages there are.
    fn waiting(&self) -> StoreFuture<'_, u64>;

    /// Keeps a document for all replicas under a name of ours, for so many seconds.
    fn share(&self, name: String, document: SharedDocument, ttl: u64) -> StoreFuture<'_, ()>;

    /// The document under a name.
    fn shared(&self, name: String) -> StoreFuture<'_, Option<SharedDocument>>;

    /// Whether it can be written to now.
    fn ready(&self) -> StoreFuture<'_, ()>;
}
