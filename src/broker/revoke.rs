//! Who holds a token may revoke it, and it alone (RFC 7009; possession is authority).

use std::collections::HashSet;
use std::sync::Arc;

use super::Broker;
use crate::broker::complete_on_drop::CompleteOnDrop;
use crate::broker::revocation::random_revocation_id;
use crate::denial::Denial;
use crate::events::{Event, Outcome};
use crate::registry::Registry;
use crate::store::{RevocationReason, RevocationTarget};
use crate::token::RegistryToken;

/// How many tokens are revoked together.
const TOGETHER: usize = 250;

impl Broker {
    /// Revokes a token. A string that is not a live token of ours is as dead as it will ever be.
    ///
    /// # Errors
    /// If the store cannot be reached: the token may still be live, and the caller must try again.
    pub async fn revoke(self: &Arc<Self>, token: &str, dialect: &'static str) -> Result<(), Denial> {
        self.revoke_all([token], dialect).await
    }

    /// Revokes each of these, likewise.
    ///
    /// # Errors
    /// See [`Broker::revoke`].
    pub async fn revoke_all<'t>(
        self: &Arc<Self>,
        tokens: impl IntoIterator<Item = &'t str>,
        dialect: &'static str,
    ) -> Result<(), Denial> {
        let mut seen = HashSet::new();
        let targets: Vec<_> = tokens
            .into_iter()
            .filter_map(|text| self.read_token(text))
            .filter(|(_, token)| seen.insert(token.hash()))
            .collect();
        for part in targets.chunks(TOGETHER) {
            self.revoke_part(part, dialect).await?;
        }
        Ok(())
    }

    /// Reads a string as a token of one of our registries, as it may have been pasted.
    pub(super) fn read_token(&self, text: &str) -> Option<(Arc<Registry>, RegistryToken)> {
        let text = RegistryToken::trim_pasted(text);
        let registry = self.registries.by_token(text)?;
        Some((Arc::clone(registry), RegistryToken::parse(&registry.token_prefix, text)?))
    }

    async fn revoke_part(
        self: &Arc<Self>,
        part: &[(Arc<Registry>, RegistryToken)],
        dialect: &'static str,
    ) -> Result<(), Denial> {
        let mut place = Some(self.reserve_event()?);
        let target = |token: &RegistryToken| RevocationTarget {
            tag: token.tag(),
            tokens: vec![token.hash()],
            family: None,
            cause: None,
        };
        let targets: Arc<[RevocationTarget]> = part.iter().map(|(_, token)| target(token)).collect();
        let named: Vec<_> =
            part.iter().map(|(registry, token)| (Arc::clone(&registry.id), token.hash())).collect();
        let (broker, by) = (Arc::clone(self), random_revocation_id()?);
        let work = async move {
            match broker
                .revoke_targets(targets, RevocationReason::Revoked, by, broker.bounds.store_timeout)
                .await
            {
                Ok(revoked) => {
                    // What was revoked, or never ours, is not an event: nothing was done.
                    for (hash, record) in revoked.into_iter().flatten() {
                        let event = broker.event_about(Outcome::Revoked, dialect, hash, &record);
                        broker.metrics.revocation();
                        broker.record(place.take(), event).await;
                    }
                    Ok(())
                }
                Err(denial) => {
                    // No one knows whether the tokens are revoked; the holder will try again.
                    for (registry, hash) in named {
                        let mut event = Event::new(broker.clock.now_ms(), Outcome::Revoked, dialect);
                        event.registry = Some(registry);
                        event.token_id = Some(hash.into());
                        event.refuse(&denial);
                        broker.record(place.take(), event).await;
                    }
                    Err(denial)
                }
            }
        };
        CompleteOnDrop::new(work).await
    }
}
