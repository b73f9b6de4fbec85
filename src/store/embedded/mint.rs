//! A mint within a transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::ReadableTable as _;
use serde::{Deserialize, Serialize};

use super::memory::{COUNTER, REPLAY, TOKEN, remember};
use super::tables::Tables;
use crate::store::contract::RUN_MEMORY;
use crate::store::{Entry, Mint, MintOutcome, StoreError};

/// A replay record.
#[derive(Default, Serialize, Deserialize)]
struct Replay {
    registry: String,
    /// Slot → hash of the token it made.
    spent: BTreeMap<String, [u8; 32]>,
}

pub(super) fn mint(tables: &mut Tables<'_>, mint: &Mint) -> Result<MintOutcome, StoreError> {
    let slot = mint.slot.name();
    let mut replay: Replay = match tables.replays.get(mint.replay_key.as_slice()).map_err(StoreError::new)? {
        Some(bytes) => serde_json::from_slice(bytes.value()).map_err(StoreError::new)?,
        None => Replay { registry: mint.record.registry.to_string(), ..Replay::default() },
    };
    match replay.spent.get(slot) {
        Some(hash) if *hash == mint.hash.0 => return Ok(MintOutcome::Minted),
        Some(_) => return Ok(MintOutcome::Replayed),
        None => {}
    }
    let spent_before = !replay.spent.is_empty();
    let room_for_package = !slot.is_empty()
        && !replay.spent.contains_key("")
        && *replay.registry == *mint.record.registry
        && replay.spent.len() < mint.max_packages as usize;
    if spent_before && !room_for_package {
        return Ok(MintOutcome::Replayed);
    }
    if mint.issued_at <= tables.epoch(mint.now)? {
        return Ok(MintOutcome::Reset);
    }
    if !count(tables, mint)? {
        return Ok(MintOutcome::Exhausted);
    }

    replay.spent.insert(slot.to_owned(), mint.hash.0);
    let replay = serde_json::to_vec(&replay).map_err(StoreError::new)?;
    let record = Entry::encode_minted(&mint.record)?;
    let family = mint.family().0;
    let (hash, key, family) = (mint.hash.0.as_slice(), mint.replay_key.as_slice(), family.as_slice());
    tables.replays.insert(key, replay.as_slice()).map_err(StoreError::new)?;
    tables.tokens.insert(hash, record.as_slice()).map_err(StoreError::new)?;
    tables.runs.insert((family, hash), ()).map_err(StoreError::new)?;
    tables.expiries.insert((mint.replay_until, REPLAY, key), &[][..]).map_err(StoreError::new)?;
    tables.expiries.insert((mint.record.expires, TOKEN, hash), family).map_err(StoreError::new)?;
    remember(tables, mint)?;
    Ok(MintOutcome::Minted)
}

/// Counts the token under each policy that limits its run; whether there was room under all of them.
fn count(tables: &mut Tables<'_>, mint: &Mint) -> Result<bool, StoreError> {
    if mint.tokens_per_run.is_empty() {
        return Ok(true);
    }
    let counter = mint.family().0;
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
        tables.expiries.insert((until, COUNTER, key), &[][..]).map_err(StoreError::new)?;
    }
    Ok(true)
}
