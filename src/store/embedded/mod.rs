//! The default store: one file, no server.
//!
//! redb is a copy-on-write B-tree: readers never wait, and one writer thread gathers what is waiting
//! into one transaction, syncs it, and only then answers. After `kill -9` the file is what the last
//! sync made it, so nothing that was answered is lost.

mod memory;
mod mint;
mod outbox;
mod revoke;
mod tables;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _};
use tokio::sync::oneshot;

use self::tables::{CUT_OFFS, OUTBOX, OUTBOX_DUE, SHARED, TOKENS, TOMBSTONES, Tables};
use super::{
    CutOff, CutOffAction, Entry, Mint, MintOutcome, OutboxMessage, Revocation, RevocationTarget,
    RevokedEntry, Selector, SharedDocument, Store, StoreError, StoreFuture, TombstoneRetention,
};
use crate::token::{Tag, TokenHash};

/// How much of the file is kept in memory at most, in bytes; redb would take a gigabyte.
const CACHE: usize = 64 << 20;
/// How many writes wait at most; more are refused at once.
const QUEUE: usize = 4096;
/// How many writes one transaction gathers at most.
const GROUP: usize = 512;

/// A write: it runs within the group's transaction, and what it returns is called after the sync.
type Job = Box<dyn FnOnce(&mut Tables<'_>) -> Result<Settle, StoreError> + Send>;
type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The mode of the file: its owner only.
const MODE: u32 = 0o600;

/// The embedded store.
#[derive(Debug)]
pub struct Embedded {
    database: Arc<Database>,
    jobs: SyncSender<Queued>,
}

struct Queued {
    job: Job,
    now: u64,
}

impl Embedded {
    /// Opens or creates the file. A new file is born at `now` (in seconds).
    ///
    /// # Errors
    /// If the file cannot be created, is locked by another process, or is not a redb file.
    pub fn open(path: &Path, now: u64) -> Result<Self, StoreError> {
        // Private from its creation on: it is never readable by others, not even before the first commit.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE)
            .open(path)
            .map_err(StoreError::new)?;
        restrict(path)?;
        let backend = FileBackend::new(file).map_err(StoreError::new)?;
        let database = Database::builder()
            .set_cache_size(CACHE)
            .create_with_backend(backend)
            .map_err(StoreError::new)?;
        let database = Arc::new(database);
        let transaction = database.begin_write().map_err(StoreError::new)?;
        {
            let mut tables = Tables::open(&transaction).map_err(StoreError::new)?;
            tables.epoch(now)?;
        }
        transaction.commit().map_err(StoreError::new)?;

        let (jobs, queue) = sync_channel(QUEUE);
        let writer = Arc::clone(&database);
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write(&writer, &queue))
            .map_err(StoreError::new)?;
        Ok(Self { database, jobs })
    }

    /// Queues a write and waits for its sync.
    fn submit<T: Send + 'static>(
        &self,
        now: u64,
        work: impl FnOnce(&mut Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |tables| {
            let result = work(tables)?;
            Ok(Box::new(move |synced: Result<(), StoreError>| {
                let _ = answer.send(synced.map(|()| result));
            }))
        });
        let queued = self.jobs.try_send(Queued { job, now }).map_err(|error| match error {
            TrySendError::Full(_) => StoreError("too many writes are waiting".to_owned()),
            TrySendError::Disconnected(_) => StoreError("the writer has stopped".to_owned()),
        });
        Box::pin(async move {
            queued?;
            answered.await.map_err(|_| StoreError("the write failed".to_owned()))?
        })
    }

    fn read_entry(&self, hash: TokenHash) -> Result<Option<Entry>, StoreError> {
        let transaction = self.database.begin_read().map_err(StoreError::new)?;
        let tokens = transaction.open_table(TOKENS).map_err(StoreError::new)?;
        tables::entry(&tokens, hash)
    }

    fn read_all(
        &self,
        tokens: &[(Tag, TokenHash)],
        tombstone_retention: TombstoneRetention,
        now: u64,
    ) -> Result<Vec<Option<Entry>>, StoreError> {
        let transaction = self.database.begin_read().map_err(StoreError::new)?;
        let entries = transaction.open_table(TOKENS).map_err(StoreError::new)?;
        let tombstones = transaction.open_table(TOMBSTONES).map_err(StoreError::new)?;
        let look = |(_, hash): &(Tag, TokenHash)| match tables::entry(&entries, *hash)? {
            Some(entry) => Ok(Some(entry)),
            None => {
                Ok(memory::remembers(&tombstones, *hash, tombstone_retention, now)?.then_some(Entry::Ended))
            }
        };
        tokens.iter().map(look).collect()
    }

    fn read_shared(&self, name: &str) -> Result<Option<SharedDocument>, StoreError> {
        let transaction = self.database.begin_read().map_err(StoreError::new)?;
        let table = transaction.open_table(SHARED).map_err(StoreError::new)?;
        let kept = table.get(name).map_err(StoreError::new)?;
        Ok(kept.map(|kept| SharedDocument { at_ms: kept.value().0, bytes: kept.value().1.to_vec() }))
    }

    fn is_due(&self, now_ms: u64) -> Result<bool, StoreError> {
        let transaction = self.database.begin_read().map_err(StoreError::new)?;
        let due = transaction.open_table(OUTBOX_DUE).map_err(StoreError::new)?;
        let first = due.first().map_err(StoreError::new)?;
        Ok(first.is_some_and(|(key, _)| key.value().0 <= now_ms))
    }

    fn count_notices(&self) -> Result<u64, StoreError> {
        let transaction = self.database.begin_read().map_err(StoreError::new)?;
        transaction.open_table(OUTBOX).map_err(StoreError::new)?.len().map_err(StoreError::new)
    }

    fn read_cut_offs(&self) -> Result<Vec<CutOff>, StoreError> {
        let transaction = self.database.begin_read().map_err(StoreError::new)?;
        let table = transaction.open_table(CUT_OFFS).map_err(StoreError::new)?;
        let mut cut_offs = Vec::new();
        for item in table.iter().map_err(StoreError::new)? {
            let (selector, until) = item.map_err(StoreError::new)?;
            let selector = serde_json::from_str(selector.value()).map_err(StoreError::new)?;
            cut_offs.push(CutOff { selector, until_ms: until.value() });
        }
        Ok(cut_offs)
    }
}

impl Store for Embedded {
    fn mint(&self, mint: Arc<Mint>) -> StoreFuture<'_, MintOutcome> {
        self.submit(mint.now, move |tables| mint::mint(tables, &mint))
    }

    fn find(&self, _: Tag, hash: TokenHash) -> StoreFuture<'_, Option<Entry>> {
        let found = self.read_entry(hash);
        Box::pin(async move { found })
    }

    fn get_many(
        &self,
        tokens: Vec<(Tag, TokenHash)>,
        tombstone_retention: TombstoneRetention,
        now: u64,
    ) -> StoreFuture<'_, Vec<Option<Entry>>> {
        let found = self.read_all(&tokens, tombstone_retention, now);
        Box::pin(async move { found })
    }

    fn revoke(
        &self,
        targets: Arc<[RevocationTarget]>,
        revoked: Revocation,
    ) -> StoreFuture<'_, Vec<Vec<RevokedEntry>>> {
        self.submit(revoked.at, move |tables| revoke::revoke(tables, &targets, revoked))
    }

    fn cut_offs(&self) -> StoreFuture<'_, Vec<CutOff>> {
        let found = self.read_cut_offs();
        Box::pin(async move { found })
    }

    fn set_cut_off(&self, selector: Selector, action: CutOffAction, at_ms: u64) -> StoreFuture<'_, ()> {
        self.submit(at_ms / 1000, move |tables| {
            let key = serde_json::to_string(&selector).map_err(StoreError::new)?;
            let current =
                tables.cut_offs.get(key.as_str()).map_err(StoreError::new)?.map(|until| until.value());
            match action.apply(current, at_ms) {
                Some(until) => {
                    tables.cut_offs.insert(key.as_str(), until).map_err(StoreError::new)?.map(drop)
                }
                None => tables.cut_offs.remove(key.as_str()).map_err(StoreError::new)?.map(drop),
            };
            Ok(())
        })
    }

    fn post(&self, messages: Vec<OutboxMessage>, most: u64) -> StoreFuture<'_, Vec<String>> {
        self.submit(0, move |tables| outbox::post(tables, &messages, most))
    }

    fn due(&self, now_ms: u64, until_ms: u64, most: usize) -> StoreFuture<'_, Vec<OutboxMessage>> {
        // Nothing is written where there is nothing to do.
        match self.is_due(now_ms) {
            Ok(false) => Box::pin(async { Ok(Vec::new()) }),
            Ok(true) => self.submit(0, move |tables| outbox::due(tables, now_ms, until_ms, most)),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn repost(&self, messages: Vec<OutboxMessage>) -> StoreFuture<'_, ()> {
        self.submit(0, move |tables| messages.iter().try_for_each(|message| outbox::repost(tables, message)))
    }

    fn discard(&self, id: String, now: u64) -> StoreFuture<'_, ()> {
        self.submit(now, move |tables| outbox::discard(tables, &id, now))
    }

    fn waiting(&self) -> StoreFuture<'_, u64> {
        let found = self.count_notices();
        Box::pin(async move { found })
    }

    fn share(&self, name: String, document: SharedDocument, _: u64) -> StoreFuture<'_, ()> {
        self.submit(0, move |tables| {
            let kept = (document.at_ms, document.bytes.as_slice());
            tables.shared.insert(name.as_str(), kept).map(drop).map_err(StoreError::new)
        })
    }

    fn shared(&self, name: String) -> StoreFuture<'_, Option<SharedDocument>> {
        let found = self.read_shared(&name);
        Box::pin(async move { found })
    }

    fn ready(&self) -> StoreFuture<'_, ()> {
        // Through the queue, as every write: after a failed one, redb refuses those and goes on reading.
        self.submit(0, |_| Ok(()))
    }
}

/// The writer: gathers, writes, syncs, answers. It ends when the store is dropped.
fn write(database: &Database, queue: &Receiver<Queued>) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            let Ok(next) = queue.try_recv() else { break };
            group.push(next);
        }
        if let Err(error) = commit(database, group) {
            // The jobs are dropped, and with them their answers: each caller gets an error.
            tracing::error!(%error, "a group of writes failed; none of them was answered");
        }
    }
}

fn commit(database: &Database, group: Vec<Queued>) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(StoreError::new)?;
    let mut settlements = Vec::with_capacity(group.len());
    {
        let mut tables = Tables::open(&transaction).map_err(StoreError::new)?;
        let now = group.iter().map(|queued| queued.now).max().unwrap_or(0);
        for queued in group {
            settlements.push((queued.job)(&mut tables)?);
        }
        memory::forget(&mut tables, now)?;
    }
    let synced = transaction.commit().map_err(StoreError::new);
    for settle in settlements {
        settle(synced.clone());
    }
    synced
}

/// The file holds no secret, but identities are no one else's business.
fn restrict(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE)).map_err(StoreError::new)
}
