//! Who holds a token may kill it, and it alone (RFC 7009; possession is authority).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Broker;
use super::unabandoned::Unabandoned;
use crate::audit::{Event, Outcome};
use crate::denial::Denial;
use crate::store::{Death, Entry, Tombstone};
use crate::token::{Record, RegistryToken};

impl Broker {
    /// Revokes a token. A string that is no live token of ours is as dead as it will ever be.
    ///
    /// # Errors
    /// If the store cannot be reached: the token may still be live, and the caller must try again.
    pub async fn revoke(self: &Arc<Self>, token: &str, dialect: &'static str) -> Result<(), Denial> {
        let Some(registry) = self.registries.by_token(token) else { return Ok(()) };
        let Some(token) = RegistryToken::parse(&registry.token_prefix, token) else { return Ok(()) };
        let place = self.place()?;
        let (broker, registry) = (Arc::clone(self), Arc::clone(&registry.id));
        let (tag, hash) = (token.tag(), token.hash());
        let work = async move {
            let at = broker.clock.now();
            let until = at + broker.bounds.tombstone_ttl.as_secs();
            let tombstone = Tombstone { at, why: Death::Revoked, until };
            let asked = AtomicUsize::new(0);
            let before = broker.insist(|| {
                asked.fetch_add(1, Ordering::Relaxed);
                broker.store.kill(tag, hash, tombstone)
            });
            let before = before.await;
            let mut event = Event::new(broker.clock.now_ms(), Outcome::Revoked, dialect);
            event.registry = Some(registry);
            event.token_id = Some(hash.into());
            match &before {
                Ok(Some(Entry::Minted(record))) if !record.is_expired(at) => describe(&mut event, record),
                // It was this very revocation, and the answer was lost.
                Ok(Some(Entry::Dead(found))) if *found == tombstone && asked.load(Ordering::Relaxed) > 1 => {}
                // It was dead, or never ours: nothing was done.
                Ok(_) => return Ok(()),
                // Nobody knows whether the token is dead; the holder will try again.
                Err(denial) => event.refuse(denial),
            }
            if before.is_ok() {
                broker.metrics.revocation();
            }
            place.record(event);
            before.map(drop)
        };
        Unabandoned::new(work).await
    }
}

fn describe(event: &mut Event, record: &Record) {
    event.issuer = Some(Arc::clone(&record.issuer));
    event.subject = Some(Arc::clone(&record.subject));
    event.run.clone_from(&record.run);
    event.granted(&record.scope);
    event.policies.clone_from(&record.policies);
    event.digest = Some(Arc::clone(&record.digest));
    event.expires = Some(record.expires);
}
