//! The default store: one file, no server.
//!
//! redb is a copy-on-write B-tree: readers never wait, and one writer thread gathers what is waiting
//! into one transaction, syncs it, and only then answers. After `kill -9` the file is what the last
//! sync made it, so nothing that was answered is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::contract::RUN_MEMORY;
use super::{Answer, CutOff, Entry, Mint, Minting, Selector, Store, StoreError, Switch, Tombstone};
use crate::token::{Tag, TokenHash};

/// Token hash → entry.
const TOKENS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("tokens");
/// Replay key → what the ID token was spent on.
const REPLAYS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("replays");
/// (Run, token hash) → nothing: the live tokens of a run.
const RUNS: TableDefinition<'_, (&str, &[u8]), ()> = TableDefinition::new("runs");
/// (Second, table, key) → nothing: what may be forgotten when.
const EXPIRIES: TableDefinition<'_, (u64, u8, &[u8]), &str> = TableDefinition::new("expiries");
/// Selector → instant.
const CUT_OFFS: TableDefinition<'_, &str, Option<u64>> = TableDefinition::new("cut-offs");
/// Counter of a run → how many tokens it has minted under each policy that limits it.
const COUNTERS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("counters");
/// Facts about the file: when it was born.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const BIRTH: &str = "birth";

/// How many writes wait at most; more are refused at once.
const QUEUE: usize = 4096;
/// How many writes one transaction gathers at most.
const GROUP: usize = 512;
/// How many expired entries one transaction forgets at most, so that no answer waits for a long sweep.
const SWEEP: usize = 1024;

const TOKEN: u8 = 0;
const REPLAY: u8 = 1;
const COUNTER: u8 = 2;

/// A write: it runs within the group's transaction, and what it returns is called after the sync.
type Job = Box<dyn FnOnce(&mut Tables<'_>) -> Result<Settle, StoreError> + Send>;
type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A replay record.
#[derive(Default, Serialize, Deserialize)]
struct Replay {
    registry: String,
    /// Slot → hash of the token it made.
    spent: BTreeMap<String, [u8; 32]>,
}

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

/// The open tables of one transaction.
struct Tables<'t> {
    tokens: Table<'t, &'static [u8], &'static [u8]>,
    replays: Table<'t, &'static [u8], &'static [u8]>,
    runs: Table<'t, (&'static str, &'static [u8]), ()>,
    counters: Table<'t, &'static [u8], &'static [u8]>,
    expiries: Table<'t, (u64, u8, &'static [u8]), &'static str>,
    cut_offs: Table<'t, &'static str, Option<u64>>,
    meta: Table<'t, &'static str, u64>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::TableError> {
        Ok(Self {
            tokens: transaction.open_table(TOKENS)?,
            replays: transaction.open_table(REPLAYS)?,
            runs: transaction.open_table(RUNS)?,
            counters: transaction.open_table(COUNTERS)?,
            expiries: transaction.open_table(EXPIRIES)?,
            cut_offs: transaction.open_table(CUT_OFFS)?,
            meta: transaction.open_table(META)?,
        })
    }
}

impl Embedded {
    /// Opens or creates the file. A new file is born at `now` (in seconds).
    ///
    /// # Errors
    /// If the file cannot be created, is locked by another process, or is no redb file.
    pub fn open(path: &Path, now: u64) -> Result<Self, StoreError> {
        let database = Arc::new(Database::create(path).map_err(StoreError::new)?);
        let transaction = database.begin_write().map_err(StoreError::new)?;
        {
            let mut tables = Tables::open(&transaction).map_err(StoreError::new)?;
            born(&mut tables, now)?;
        }
        transaction.commit().map_err(StoreError::new)?;
        restrict(path)?;

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
    ) -> Answer<'_, T> {
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
        entry(&tokens, hash)
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
    fn mint(&self, mint: Arc<Mint>) -> Answer<'_, Minting> {
        self.submit(mint.now, move |tables| mint_in(tables, &mint))
    }

    fn find(&self, _: Tag, hash: TokenHash) -> Answer<'_, Option<Entry>> {
        let found = self.read_entry(hash);
        Box::pin(async move { found })
    }

    fn kill(&self, _: Tag, hash: TokenHash, tombstone: Tombstone) -> Answer<'_, Option<Entry>> {
        self.submit(tombstone.at, move |tables| kill_in(tables, hash, tombstone))
    }

    fn cut_offs(&self) -> Answer<'_, Vec<CutOff>> {
        let found = self.read_cut_offs();
        Box::pin(async move { found })
    }

    fn switch(&self, selector: Selector, switch: Switch, at_ms: u64) -> Answer<'_, ()> {
        self.submit(at_ms / 1000, move |tables| {
            let key = serde_json::to_string(&selector).map_err(StoreError::new)?;
            let current =
                tables.cut_offs.get(key.as_str()).map_err(StoreError::new)?.map(|until| until.value());
            match switch.apply(current, at_ms) {
                Some(until) => {
                    tables.cut_offs.insert(key.as_str(), until).map_err(StoreError::new)?.map(drop)
                }
                None => tables.cut_offs.remove(key.as_str()).map_err(StoreError::new)?.map(drop),
            };
            Ok(())
        })
    }

    fn ready(&self) -> Answer<'_, ()> {
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
        forget(&mut tables, now)?;
    }
    let synced = transaction.commit().map_err(StoreError::new);
    for settle in settlements {
        settle(synced.clone());
    }
    synced
}

fn mint_in(tables: &mut Tables<'_>, mint: &Mint) -> Result<Minting, StoreError> {
    let slot = mint.slot.name();
    let mut replay: Replay = match tables.replays.get(mint.replay_key.as_slice()).map_err(StoreError::new)? {
        Some(bytes) => serde_json::from_slice(bytes.value()).map_err(StoreError::new)?,
        None => Replay { registry: mint.record.registry.to_string(), ..Replay::default() },
    };
    match replay.spent.get(slot) {
        Some(hash) if *hash == mint.hash.0 => return Ok(Minting::Minted),
        Some(_) => return Ok(Minting::Replayed),
        None => {}
    }
    let spent_before = !replay.spent.is_empty();
    let room_for_package = !slot.is_empty()
        && !replay.spent.contains_key("")
        && *replay.registry == *mint.record.registry
        && replay.spent.len() < mint.max_packages as usize;
    if spent_before && !room_for_package {
        return Ok(Minting::Replayed);
    }
    if mint.issued_at <= born(tables, mint.now)? {
        return Ok(Minting::Reset);
    }
    if !count_in(tables, mint)? {
        return Ok(Minting::Exhausted);
    }

    replay.spent.insert(slot.to_owned(), mint.hash.0);
    let replay = serde_json::to_vec(&replay).map_err(StoreError::new)?;
    let record = Entry::encode_minted(&mint.record)?;
    let (hash, key) = (mint.hash.0.as_slice(), mint.replay_key.as_slice());
    let run = mint.record.run.as_deref().unwrap_or("");
    tables.replays.insert(key, replay.as_slice()).map_err(StoreError::new)?;
    tables.tokens.insert(hash, record.as_slice()).map_err(StoreError::new)?;
    tables.expiries.insert((mint.replay_until, REPLAY, key), "").map_err(StoreError::new)?;
    tables.expiries.insert((mint.record.expires, TOKEN, hash), run).map_err(StoreError::new)?;
    if !run.is_empty() {
        tables.runs.insert((run, hash), ()).map_err(StoreError::new)?;
    }
    Ok(Minting::Minted)
}

/// Counts the token under each policy that limits its run; whether there was room under all of them.
fn count_in(tables: &mut Tables<'_>, mint: &Mint) -> Result<bool, StoreError> {
    if mint.tokens_per_run.is_empty() {
        return Ok(true);
    }
    let counter = mint.counter();
    let key = counter.as_slice();
    let known = tables.counters.get(key).map_err(StoreError::new)?.map(|bytes| bytes.value().to_vec());
    let mut counts: BTreeMap<Arc<str>, u32> = match &known {
        Some(bytes) => serde_json::from_slice(bytes).map_err(StoreError::new)?,
        None => BTreeMap::new(),
    };
    for (policy, most) in &mint.tokens_per_run {
        let count = counts.entry(Arc::clone(policy)).or_default();
        if *count >= *most {
            return Ok(false);
        }
        *count += 1;
    }
    let counts = serde_json::to_vec(&counts).map_err(StoreError::new)?;
    tables.counters.insert(key, counts.as_slice()).map_err(StoreError::new)?;
    if known.is_none() {
        let until = mint.now + RUN_MEMORY;
        tables.expiries.insert((until, COUNTER, key), "").map_err(StoreError::new)?;
    }
    Ok(true)
}

fn kill_in(
    tables: &mut Tables<'_>,
    hash: TokenHash,
    tombstone: Tombstone,
) -> Result<Option<Entry>, StoreError> {
    let before = entry(&tables.tokens, hash)?;
    if let Some(Entry::Minted(record)) = &before {
        let run = record.run.as_deref().unwrap_or("");
        let hash = hash.0.as_slice();
        let bytes = Entry::encode_dead(&tombstone)?;
        tables.tokens.insert(hash, bytes.as_slice()).map_err(StoreError::new)?;
        tables.expiries.remove((record.expires, TOKEN, hash)).map_err(StoreError::new)?;
        tables.expiries.insert((tombstone.until, TOKEN, hash), run).map_err(StoreError::new)?;
        tables.runs.remove((run, hash)).map_err(StoreError::new)?;
    }
    Ok(before)
}

/// When the file was born; a file without a birth is born now.
fn born(tables: &mut Tables<'_>, now: u64) -> Result<u64, StoreError> {
    if let Some(birth) = tables.meta.get(BIRTH).map_err(StoreError::new)? {
        return Ok(birth.value());
    }
    tables.meta.insert(BIRTH, now).map_err(StoreError::new)?;
    Ok(now)
}

/// Forgets what has ended, oldest first.
fn forget(tables: &mut Tables<'_>, now: u64) -> Result<(), StoreError> {
    let ended: Vec<(u64, u8, Vec<u8>, String)> = tables
        .expiries
        .range(..(now, 0, &[][..]))
        .map_err(StoreError::new)?
        .take(SWEEP)
        .map(|item| {
            let (key, run) = item.map_err(StoreError::new)?;
            let (until, table, key) = key.value();
            Ok((until, table, key.to_vec(), run.value().to_owned()))
        })
        .collect::<Result<_, StoreError>>()?;
    for (until, table, key, run) in ended {
        let key = key.as_slice();
        tables.expiries.remove((until, table, key)).map_err(StoreError::new)?;
        match table {
            TOKEN => {
                tables.tokens.remove(key).map_err(StoreError::new)?;
                tables.runs.remove((run.as_str(), key)).map_err(StoreError::new)?;
            }
            COUNTER => drop(tables.counters.remove(key).map_err(StoreError::new)?),
            _ => drop(tables.replays.remove(key).map_err(StoreError::new)?),
        }
    }
    Ok(())
}

fn entry(
    tokens: &impl redb::ReadableTable<&'static [u8], &'static [u8]>,
    hash: TokenHash,
) -> Result<Option<Entry>, StoreError> {
    match tokens.get(hash.0.as_slice()).map_err(StoreError::new)? {
        Some(bytes) => Entry::decode(bytes.value()).map(Some),
        None => Ok(None),
    }
}

/// The file holds no secret, but identities are nobody else's business.
fn restrict(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(StoreError::new)
}
