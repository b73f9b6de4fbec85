//! Revoking in bulk: scripts in flight together, and then one wait for the replicas of each tag.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use redis::RedisError;

use crate::store::redis::link::{Connection, wait};
use crate::store::redis::{Redis, Reply, key, token_prefix};
use crate::store::{Entry, Revocation, RevocationTarget, RevokedEntry, StoreError};
use crate::token::{Tag, TokenHash};

/// How many tokens of a run one script revokes; Redis answers no one else meanwhile.
const PART: usize = 256;
/// How many scripts are in flight at once.
const IN_FLIGHT: usize = 64;

/// What a script found: hashes and entries by turns.
type Found = Vec<Vec<u8>>;

impl Redis {
    pub(super) async fn revoke_now(
        &self,
        targets: Arc<[RevocationTarget]>,
        revoked: Revocation,
    ) -> Result<Vec<Vec<RevokedEntry>>, StoreError> {
        let marks: Vec<_> = targets.iter().map(|targets| targets.mark(revoked)).collect::<Result<_, _>>()?;
        let patience = self.waiting.patience();
        let (found, kept) = self
            .waiting
            .run(|connection| async move {
                let revoking: Vec<_> = targets
                    .iter()
                    .zip(&marks)
                    .map(|(targets, mark)| {
                        self.revoke_batch(connection.clone(), targets, mark, revoked.known_for())
                    })
                    .collect();
                let all: Vec<(Found, u32)> =
                    futures_util::stream::iter(revoking).buffered(IN_FLIGHT).try_collect().await?;
                let replicated: BTreeMap<&str, Tag> = targets
                    .iter()
                    .zip(&all)
                    .filter(|(_, (_, replicas))| *replicas > 0)
                    .map(|(targets, _)| (targets.tag.as_str(), targets.tag))
                    .collect();
                // On the same connection: another one may lead to another server by now. It is blocked
                // meanwhile, but a server that has what came before answers at once.
                let mut kept = true;
                for tag in replicated.into_values() {
                    kept &= wait(connection.clone(), &token_prefix(tag), patience).await? > 0;
                }
                Ok::<_, RedisError>((all, kept))
            })
            .await?;
        if !kept {
            return Err(StoreError("no replica has acknowledged the write in time".to_owned()));
        }
        found.into_iter().map(|(found, _)| corpses(found)).collect()
    }

    /// What was found, and how many replicas there are.
    async fn revoke_batch(
        &self,
        mut connection: Connection,
        targets: &RevocationTarget,
        mark: &[u8],
        known_for: u64,
    ) -> Reply<(Found, u32)> {
        let index = targets
            .family
            .map_or_else(|| key(targets.tag, "nobody", b""), |family| key(targets.tag, "run", &family.0));
        let (mut all, mut first) = (Found::new(), 0);
        let mut names = targets.tokens.chunks(PART);
        loop {
            let mut call = self.scripts.revoke.prepare_invoke();
            call.key(&index).arg(mark).arg(known_for);
            call.arg(token_prefix(targets.tag)).arg(first).arg(PART);
            let mut named = 0;
            for hash in names.next().unwrap_or_default() {
                call.key(key(targets.tag, "token", &hash.0)).arg(&hash.0[..]);
                named += 1;
            }
            let (found, looked_at, replicas): (Found, usize, u32) =
                call.invoke_async(&mut connection).await?;
            all.extend(found);
            first += looked_at;
            if named < PART && looked_at < PART {
                return Ok((all, replicas));
            }
        }
    }
}

fn corpses(found: Found) -> Result<Vec<RevokedEntry>, StoreError> {
    let mut corpses = Vec::with_capacity(found.len() / 2);
    for pair in found.chunks_exact(2) {
        let hash = pair[0].as_slice().try_into().map_err(StoreError::new)?;
        corpses.push((TokenHash(hash), Entry::decode(&pair[1])?));
    }
    corpses.sort_unstable_by_key(|(hash, _)| *hash);
    corpses.dedup_by_key(|(hash, _)| *hash);
    Ok(corpses)
}
