//! Is this token good, and for what?

use std::sync::Arc;

use super::Broker;
use crate::denial::Denial;
use crate::identity::Identity;
use crate::policy::RequestedScope;
use crate::policy::decide;
use crate::registry::Registry;
use crate::store::Entry;
use crate::token::{Record, RegistryToken, TokenId};

/// What a registry learns about a token.
#[derive(Debug)]
pub enum Introspection {
    /// It is live, and this registry's.
    Active(Active),
    /// Anything else; which, is no one's business.
    Inactive,
}

/// A live token.
#[derive(Debug)]
pub struct Active {
    /// Its public name.
    pub id: TokenId,
    /// What is known about it.
    pub record: Arc<Record>,
}

impl Broker {
    /// Looks at a token on behalf of a registry.
    ///
    /// # Errors
    /// If the store, or the cut-offs, cannot be read: nothing is confirmed then.
    pub async fn introspect(&self, registry: &Registry, token: &str) -> Result<Introspection, Denial> {
        let answer = self.live(registry, token).await;
        let outcome = match &answer {
            Ok(Some(_)) => "active",
            Ok(None) => "inactive",
            Err(denial) => denial.reason.as_str(),
        };
        self.metrics.introspection(&registry.id, outcome);
        Ok(answer?.map_or(Introspection::Inactive, Introspection::Active))
    }

    async fn live(&self, registry: &Registry, token: &str) -> Result<Option<Active>, Denial> {
        let Some(token) = RegistryToken::parse(&registry.token_prefix, token) else { return Ok(None) };
        let hash = token.hash();
        let Some(Entry::Minted(record)) = self.with_retry(|| self.store.find(token.tag(), hash)).await?
        else {
            return Ok(None);
        };
        let live = record.registry == registry.id
            && !record.is_expired(self.clock.now())
            && !self.cut_offs.cut_off(&record, &self.issuers)?
            && self.still_covered(registry, &record);
        Ok(live.then(|| Active { id: hash.into(), record }))
    }

    /// A token lives no longer than the policies that contributed to it: under another snapshot it is decided
    /// again, on the identity it was minted for. The answer is never written back, so that a
    /// replica that is a moment behind harms nothing.
    pub(super) fn still_covered(&self, registry: &Registry, record: &Record) -> bool {
        let snapshot = self.policies.load();
        if snapshot.digest().0 == record.digest {
            return true;
        }
        let Some(issuer) = self.issuers.by_id(&record.issuer) else { return false };
        let Ok(identity) = Identity::recall(&issuer.settings, &record.identity) else { return false };
        decide(&snapshot, &identity, registry, RequestedScope::Exactly(&record.scope), self.clock.now())
            .is_ok()
    }
}
