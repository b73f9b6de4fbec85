//! The tables of the file.

use redb::{ReadableTable as _, Table, TableDefinition, WriteTransaction};

use crate::store::{Entry, StoreError};
use crate::token::TokenHash;

/// Token hash → entry.
pub(super) const TOKENS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("tokens");
/// Replay key → what the ID token was spent on.
const REPLAYS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("replays");
/// (Run, token hash) → nothing: the tokens of a run.
const RUNS: TableDefinition<'_, (&[u8], &[u8]), ()> = TableDefinition::new("runs");
/// (Second, table, key) → the run, for tokens: what may be forgotten when.
const EXPIRIES: TableDefinition<'_, (u64, u8, &[u8]), &[u8]> = TableDefinition::new("expiries");
/// (Week, half of a token's hash) → nothing: what was minted and ends in that week.
pub(super) const TOMBSTONES: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("tombstones");
/// Selector → instant.
pub(super) const CUT_OFFS: TableDefinition<'_, &str, Option<u64>> = TableDefinition::new("cut-offs");
/// Counter of a run → how many tokens it has minted under each policy that limits it.
const COUNTERS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("counters");
/// Name of a message → (when it is due, what it says).
pub(super) const OUTBOX: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("notices");
/// (When it is due, name of a message) → nothing.
pub(super) const OUTBOX_DUE: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("notices due");
/// Name of a message that was discarded lately → nothing.
const NOTICES_DONE: TableDefinition<'_, &str, ()> = TableDefinition::new("notices done");
/// Name of a document → (when it was fetched, its bytes).
pub(super) const SHARED: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("shared");
/// Facts about the file: when it was born.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const EPOCH: &str = "epoch";

/// The open tables of one transaction.
pub(super) struct Tables<'t> {
    pub(super) tokens: Table<'t, &'static [u8], &'static [u8]>,
    pub(super) replays: Table<'t, &'static [u8], &'static [u8]>,
    pub(super) runs: Table<'t, (&'static [u8], &'static [u8]), ()>,
    pub(super) counters: Table<'t, &'static [u8], &'static [u8]>,
    pub(super) expiries: Table<'t, (u64, u8, &'static [u8]), &'static [u8]>,
    pub(super) tombstones: Table<'t, (u64, &'static [u8]), ()>,
    pub(super) cut_offs: Table<'t, &'static str, Option<u64>>,
    pub(super) messages: Table<'t, &'static str, (u64, &'static [u8])>,
    pub(super) notices_due: Table<'t, (u64, &'static str), ()>,
    pub(super) notices_done: Table<'t, &'static str, ()>,
    pub(super) shared: Table<'t, &'static str, (u64, &'static [u8])>,
    meta: Table<'t, &'static str, u64>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::TableError> {
        Ok(Self {
            tokens: transaction.open_table(TOKENS)?,
            replays: transaction.open_table(REPLAYS)?,
            runs: transaction.open_table(RUNS)?,
            counters: transaction.open_table(COUNTERS)?,
            expiries: transaction.open_table(EXPIRIES)?,
            tombstones: transaction.open_table(TOMBSTONES)?,
            cut_offs: transaction.open_table(CUT_OFFS)?,
            messages: transaction.open_table(OUTBOX)?,
            notices_due: transaction.open_table(OUTBOX_DUE)?,
            notices_done: transaction.open_table(NOTICES_DONE)?,
            shared: transaction.open_table(SHARED)?,
            meta: transaction.open_table(META)?,
        })
    }

    /// When the file was born; a file without a epoch is born now.
    pub(super) fn epoch(&mut self, now: u64) -> Result<u64, StoreError> {
        if let Some(epoch) = self.meta.get(EPOCH).map_err(StoreError::new)? {
            return Ok(epoch.value());
        }
        self.meta.insert(EPOCH, now).map_err(StoreError::new)?;
        Ok(now)
    }
}

/// The entry of a token.
pub(super) fn entry(
    tokens: &impl redb::ReadableTable<&'static [u8], &'static [u8]>,
    hash: TokenHash,
) -> Result<Option<Entry>, StoreError> {
    match tokens.get(hash.0.as_slice()).map_err(StoreError::new)? {
        Some(bytes) => Entry::decode(bytes.value()).map(Some),
        None => Ok(None),
    }
}
