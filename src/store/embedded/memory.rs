//! What is remembered how long: tombstones, and the forgetting of everything that has ended.

use redb::{ReadableTable as _, ReadableTableMetadata as _};

use super::tables::Tables;
use crate::store::contract::tombstone_of;
use crate::store::{Mint, StoreError, TombstoneRetention};
use crate::token::TokenHash;

/// How many expired entries one transaction forgets at most, so that no answer waits for a long sweep.
const SWEEP: usize = 1024;

/// What an entry of the table of expiries is about.
pub(super) const TOKEN: u8 = 0;
pub(super) const REPLAY: u8 = 1;
pub(super) const COUNTER: u8 = 2;
/// All tombstones of a week.
const WEEK: u8 = 3;
/// The name of a message that was discarded.
pub(super) const NOTICE: u8 = 4;

/// Remembers that a token was minted.
pub(super) fn remember(tables: &mut Tables<'_>, mint: &Mint) -> Result<(), StoreError> {
    let week = TombstoneRetention::week(mint.record.expires);
    let key = week.to_be_bytes();
    let until = mint.tombstone_retention.week_until(week);
    tables.expiries.insert((until, WEEK, key.as_slice()), &[][..]).map_err(StoreError::new)?;
    tables.tombstones.insert((week, tombstone_of(&mint.hash)), ()).map_err(StoreError::new)?;
    // One comes in, so at most one goes, unless the bound was lowered.
    let mut surplus =
        tables.tombstones.len().map_err(StoreError::new)?.saturating_sub(mint.tombstone_retention.most);
    while surplus > 0 && tables.tombstones.pop_first().map_err(StoreError::new)?.is_some() {
        surplus = (surplus - 1).min(SWEEP as u64);
    }
    Ok(())
}

/// Whether it is remembered that a token was minted.
pub(super) fn remembers(
    tombstones: &impl redb::ReadableTable<(u64, &'static [u8]), ()>,
    hash: TokenHash,
    tombstone_retention: TombstoneRetention,
    now: u64,
) -> Result<bool, StoreError> {
    for week in tombstone_retention.weeks(now) {
        if tombstones.get((week, tombstone_of(&hash))).map_err(StoreError::new)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets what has ended, oldest first.
pub(super) fn forget(tables: &mut Tables<'_>, now: u64) -> Result<(), StoreError> {
    let ended: Vec<(u64, u8, Vec<u8>, Vec<u8>)> = tables
        .expiries
        .range(..(now, 0, &[][..]))
        .map_err(StoreError::new)?
        .take(SWEEP)
        .map(|item| {
            let (key, family) = item.map_err(StoreError::new)?;
            let (until, table, key) = key.value();
            Ok((until, table, key.to_vec(), family.value().to_vec()))
        })
        .collect::<Result<_, StoreError>>()?;
    for (until, table, key, family) in ended {
        let key = key.as_slice();
        if table == WEEK && !forget_week(tables, key)? {
            // The rest of it with the next writes.
            continue;
        }
        tables.expiries.remove((until, table, key)).map_err(StoreError::new)?;
        match table {
            TOKEN => {
                tables.tokens.remove(key).map_err(StoreError::new)?;
                tables.runs.remove((family.as_slice(), key)).map_err(StoreError::new)?;
            }
            COUNTER => drop(tables.counters.remove(key).map_err(StoreError::new)?),
            REPLAY => drop(tables.replays.remove(key).map_err(StoreError::new)?),
            NOTICE => {
                let id = std::str::from_utf8(key).map_err(StoreError::new)?;
                tables.notices_done.remove(id).map_err(StoreError::new)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Forgets tombstones of a week; whether all of them are gone.
fn forget_week(tables: &mut Tables<'_>, week: &[u8]) -> Result<bool, StoreError> {
    let week = u64::from_be_bytes(week.try_into().map_err(StoreError::new)?);
    let range = (week, &[][..])..(week + 1, &[][..]);
    let halves: Vec<Vec<u8>> = tables
        .tombstones
        .range(range)
        .map_err(StoreError::new)?
        .take(SWEEP)
        .map(|item| item.map(|(key, _)| key.value().1.to_vec()).map_err(StoreError::new))
        .collect::<Result<_, _>>()?;
    for tombstone_of in &halves {
        tables.tombstones.remove((week, tombstone_of.as_slice())).map_err(StoreError::new)?;
    }
    Ok(halves.len() < SWEEP)
}
