//! Revoking within a transaction.

use redb::ReadableTable as _;

use crate::store::embedded::memory::TOKEN;
use crate::store::embedded::tables::{Tables, entry};
use crate::store::{Entry, Revocation, RevocationTarget, RevokedEntry, StoreError};
use crate::token::{Record, TokenHash};

pub(super) fn revoke(
    tables: &mut Tables<'_>,
    targets: &[RevocationTarget],
    revoked: Revocation,
) -> Result<Vec<Vec<RevokedEntry>>, StoreError> {
    let known_until = revoked.at + revoked.known_for();
    targets
        .iter()
        .map(|targets| kill_together(tables, targets, &targets.mark(revoked)?, known_until))
        .collect()
}

fn kill_together(
    tables: &mut Tables<'_>,
    targets: &RevocationTarget,
    mark: &[u8],
    known_until: u64,
) -> Result<Vec<RevokedEntry>, StoreError> {
    let mut hashes = targets.tokens.clone();
    if let Some(family) = targets.family {
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
