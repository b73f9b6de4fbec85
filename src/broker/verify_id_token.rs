//! An ID token on its way to an identity: who signs it, for whom, and did they.

use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::audience::{Accepted, Audience};
use crate::denial::{Denial, Reason};
use crate::identity::{Issuer, Issuers, Unverified, Verified};
use crate::registry::Registry;

/// An ID token that was read, and the issuer that it names. Nothing is verified yet.
#[derive(Debug)]
pub struct Presented<'t> {
    unverified: Unverified<'t>,
    issuer: Arc<Issuer>,
}

impl<'t> Presented<'t> {
    /// Reads an ID token of at most this many bytes.
    ///
    /// # Errors
    /// If it cannot be read, or its issuer is not configured.
    pub fn read(id_token: &'t str, max_bytes: usize, issuers: &Issuers) -> Result<Self, Denial> {
        let unverified = Unverified::read(id_token, max_bytes)?;
        let issuer = issuers.by_url(unverified.issuer_url()?).ok_or_else(|| {
            Denial::new(Reason::UnknownIssuer, "the ID token's issuer is not configured here").claim("iss")
        })?;
        Ok(Self { issuer: Arc::clone(issuer), unverified })
    }

    /// The issuer's id.
    pub fn issuer_id(&self) -> &Arc<str> {
        &self.issuer.settings.id
    }

    /// Verifies it for a registry of the broker whose identifier is `own`. `count` is called before
    /// each signature check.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub async fn verify(
        self,
        registry: &Registry,
        whose: Audience,
        own: &str,
        now: u64,
        count: impl FnMut(),
    ) -> Result<Verified, Denial> {
        let accepted = Accepted { whose, issuer: &self.issuer.settings, registry, own };
        let accepts = |audience: &str| accepted.contains(audience);
        let verified = self.unverified.verify(&self.issuer, accepts, now, count).await;
        verified.map_err(|denial| accepted.explain(denial))
    }
}

impl Broker {
    /// Verifies an ID token as this broker does.
    pub(super) async fn verified(
        &self,
        presented: Presented<'_>,
        registry: &Registry,
        audience: Audience,
    ) -> Result<Verified, Denial> {
        let issuer = Arc::clone(presented.issuer_id());
        let count = || self.metrics.signature_check(&issuer);
        presented.verify(registry, audience, &self.public_url, self.clock.now(), count).await
    }
}
