//! Killing within a transaction.

use redb::ReadableTable as _;

use crate::store::embedded::memory::TOKEN;
use crate::store::embedded::tables::{Tables, entry};
use crate::store::{Corpse, Doomed, Entry, Killed, StoreError};
use crate::token::{Record, TokenHash};

pub(super) fn kill(
    tables: &mut Tables<'_>,
    doomed: &[Doomed],
    killed: Killed,
) -> Result<Vec<Vec<Corpse>>, StoreError> {
    let known_until = killed.at + killed.known_for();
    doomed.iter().map(|doomed| kill_together(tables, doomed, &doomed.mark(killed)?, known_until)).collect()
}

fn kill_together(
    tables: &mut Tables<'_>,
    doomed: &Doomed,
    mark: &[u8],
    known_until: u64,
) -> Result<Vec<Corpse>, StoreError> {
    let mut hashes = doomed.tokens.clone();
    if let Some(family) = doomed.family {
        let all = (family.0.as_slice(), &[][..])..=(family.0.as_slice(), &[0xff; 33][..]);
        for item in tables.runs.range(all).map_err(StoreError::new)? {
            let hash = item.map_err(StoreError::new)?.0.value().1.try_into().map_err(StoreError::new)?;
            hashes.push(TokenHash(hash));
        }
        hashes.sort_unstable();
        hashes.dedup();
    }
    let mut corpses = Vec::with_capacity(hashes.len());
    for hash in hashes {
        let key = hash.0.as_slice();
        let before = tables.tokens.get(key).map_err(StoreError::new)?.map(|bytes| bytes.value().to_vec());
        if let Some((b'M', record)) = before.as_deref().and_then(<[u8]>::split_first) {
            let bytes = [mark, record].concat();
            tables.tokens.insert(key, bytes.as_slice()).map_err(StoreError::new)?;
            if let Entry::Dead(_, record) = Entry::decode(&bytes)? {
                keep_until(tables, key, &record, known_until)?;
            }
        }
        if let Some(entry) = entry(&tables.tokens, hash)? {
            corpses.push((hash, entry));
        }
    }
    Ok(corpses)
}

/// Puts off the end of an entry.
fn keep_until(tables: &mut Tables<'_>, key: &[u8], record: &Record, until: u64) -> Result<(), StoreError> {
    if record.expires < until {
        let family = record.family().0;
        tables.expiries.remove((record.expires, TOKEN, key)).map_err(StoreError::new)?;
        tables.expiries.insert((until, TOKEN, key), family.as_slice()).map_err(StoreError::new)?;
    }
    Ok(())
}
