//! Who holds a token may kill it, and it alone (RFC 7009; possession is authority).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Broker;
use crate::audit::{Event, Outcome};
use crate::denial::Denial;
use crate::store::{Death, Entry, Tombstone};
use crate::token::RegistryToken;

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
        let revoked = tokio::spawn(async move {
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
            event.registry = Some(Arc::clone(&registry));
            event.token_id = Some(hash.into());
            match before {
                Ok(Some(Entry::Minted(record))) => {
                    event.registry = Some(Arc::clone(&record.registry));
                    event.issuer = Some(Arc::clone(&record.issuer));
                    event.subject = Some(record.subject.clone());
                    event.run.clone_from(&record.run);
                    event.granted(&record.scope);
                    event.policies.clone_from(&record.policies);
                    event.digest = Some(Arc::clone(&record.digest));
                    event.expires = Some(record.expires);
                }
                // It was this very revocation, and the answer was lost.
                Ok(Some(Entry::Dead(found))) if found == tombstone && asked.load(Ordering::Relaxed) > 1 => {}
                Ok(_) => return Ok(()),
                Err(denial) => {
                    // Nobody knows whether the token is dead; the holder will try again.
                    event.refuse(&denial);
                    place.record(event);
                    return Err(denial);
                }
            }
            broker.metrics.revocation();
            place.record(event);
            Ok(())
        });
        revoked.await.unwrap_or_else(|error| {
            Err(Denial::new(crate::denial::Reason::Overloaded, "the revocation was aborted").internal(error))
        })
    }
}
