//! Who holds a token may kill it, and it alone (RFC 7009; possession is authority).

use std::sync::Arc;

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
        let broker = Arc::clone(self);
        let (tag, hash) = (token.tag(), token.hash());
        let revoked = tokio::spawn(async move {
            let at = broker.clock.now();
            let until = at + broker.bounds.tombstone_ttl.as_secs();
            let tombstone = Tombstone { at, why: Death::Revoked, until };
            let before = broker.within_deadline(broker.store.kill(tag, hash, tombstone)).await?;
            if let Some(Entry::Minted(record)) = before {
                let mut event = Event::new(broker.clock.now_ms(), Outcome::Revoked, dialect);
                event.registry = Some(Arc::clone(&record.registry));
                event.issuer = Some(Arc::clone(&record.issuer));
                event.subject = Some(Arc::clone(&record.subject));
                event.run.clone_from(&record.run);
                event.granted(&record.scope);
                event.policies.clone_from(&record.policies);
                event.digest = Some(Arc::clone(&record.digest));
                event.token_id = Some(hash.into());
                event.expires = Some(record.expires);
                broker.metrics.revocation();
                place.record(event);
            }
            Ok(())
        });
        revoked.await.unwrap_or_else(|error| {
            Err(Denial::new(crate::denial::Reason::Overloaded, "the revocation was aborted").internal(error))
        })
    }
}
