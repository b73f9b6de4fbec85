//! Revoking tokens, and the events that say so.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;

use crate::broker::Broker;
use crate::denial::{Denial, Reason};
use crate::events::{Event, Outcome};
use crate::store::{Entry, Revocation, RevocationReason, RevocationTarget, RevokedEntry};
use crate::token::{Record, TokenHash};

/// A token that was revoked just now, and what is known about it.
pub(super) type RevokedToken = (TokenHash, Arc<Record>);

/// Which revocation it is, so that a repetition after a lost answer knows its own work.
pub(super) fn random_revocation_id() -> Result<u64, Denial> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes)
        .map_err(|_| Denial::new(Reason::Overloaded, "the operating system has no randomness"))?;
    Ok(u64::from_be_bytes(bytes))
}

impl Broker {
    /// Revokes until the store answers. For each of the doomed: the tokens that were alive before, and
    /// are revoked by this very revocation.
    pub(super) async fn revoke_targets(
        &self,
        targets: Arc<[RevocationTarget]>,
        why: RevocationReason,
        by: u64,
        patience: Duration,
    ) -> Result<Vec<Vec<RevokedToken>>, Denial> {
        let at = self.clock.now();
        let revoked = Revocation { at, why, by, cause: None };
        let corpses =
            self.with_retry_for(patience, || self.store.revoke(Arc::clone(&targets), revoked)).await?;
        let ours = |(hash, entry): RevokedEntry| match entry {
            Entry::Dead(found, record) if found.by == by && !record.is_expired(at) => Some((hash, record)),
            _ => None,
        };
        Ok(corpses.into_iter().map(|together| together.into_iter().filter_map(ours).collect()).collect())
    }

    /// An event about a token.
    pub(super) fn event_about(
        &self,
        outcome: Outcome,
        dialect: &'static str,
        hash: TokenHash,
        record: &Record,
    ) -> Event {
        let mut event = Event::new(self.clock.now_ms(), outcome, dialect);
        event.registry = Some(Arc::clone(&record.registry));
        event.token_id = Some(hash.into());
        event.issuer = Some(Arc::clone(&record.issuer));
        event.subject = Some(Arc::clone(&record.subject));
        event.run.clone_from(&record.run);
        event.granted(&record.scope);
        event.policies.clone_from(&record.policies);
        event.digest = Some(Arc::clone(&record.digest));
        event.expires = Some(record.expires);
        event
    }
}
