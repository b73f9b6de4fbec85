//! ID token in, registry token out.

use std::sync::Arc;

use super::Broker;
use super::audience::Audience;
use crate::broker::complete_on_drop::CompleteOnDrop;
use crate::broker::verify_id_token::VerifiedIdToken;
use crate::denial::{Denial, Reason};
use crate::events::{Event, EventPermit, Outcome};
use crate::policy::{Grant, RequestedScope};
use crate::policy::{decide, evaluate_audit_mode};
use crate::registry::Registry;
use crate::store::{Mint, MintOutcome, Slot};
use crate::token::{Record, RegistryToken, Scope, Tag};

/// What a client asks for.
#[derive(Debug)]
pub struct ExchangeRequest<'r> {
    /// The ID token.
    pub id_token: &'r str,
    /// The registry.
    pub registry: &'r Arc<Registry>,
    /// How much of what the policies grant.
    pub wanted: RequestedScope<'r>,
    /// What the ID token is spent on.
    pub slot: Slot,
    /// Which audiences are accepted.
    pub audience: Audience,
    /// The protocol that is spoken, for the event.
    pub dialect: &'static str,
}

impl<'r> ExchangeRequest<'r> {
    /// The usual request of a registry's own protocol: one ID token for everything that there is.
    pub fn for_everything(id_token: &'r str, registry: &'r Arc<Registry>, dialect: &'static str) -> Self {
        Self {
            id_token,
            registry,
            wanted: RequestedScope::Everything,
            slot: Slot::Whole,
            audience: Audience::Registry,
            dialect,
        }
    }
}

/// A token that lives in the store.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: RegistryToken,
    /// What it is for.
    pub scope: Scope,
    /// When it was minted, in milliseconds since the epoch.
    pub minted_ms: u64,
    /// When it ends, in seconds since the epoch.
    pub expires: u64,
}

impl IssuedToken {
    /// How many whole seconds are left at most, never more than the truth.
    pub fn expires_in(&self) -> u64 {
        (self.expires * 1000).saturating_sub(self.minted_ms) / 1000
    }
}

impl Broker {
    /// Exchanges an ID token.
    ///
    /// # Errors
    /// The denial, which was recorded as an event.
    pub async fn exchange(self: &Arc<Self>, request: ExchangeRequest<'_>) -> Result<IssuedToken, Denial> {
        let registry = &request.registry.id;
        let place = match self.reserve_event() {
            Ok(place) => place,
            Err(denial) => {
                self.metrics.exchange(Some(registry), None, denial.reason.as_str());
                return Err(denial);
            }
        };
        let mut event = Event::new(self.clock.now_ms(), Outcome::Minted, request.dialect);
        event.registry = Some(Arc::clone(registry));
        match self.decide_exchange(request, &mut event).await {
            Ok(pending) => self.commit_mint(pending, event, place).await,
            Err(denial) => {
                event.refuse(&denial);
                self.finish(event, place);
                Err(denial)
            }
        }
    }

    /// Verifies the ID token, asks the policies and builds the mint; the store is not asked.
    async fn decide_exchange(
        &self,
        request: ExchangeRequest<'_>,
        event: &mut Event,
    ) -> Result<PendingMint, Denial> {
        let registry = request.registry;
        let on_issuer = |issuer: &Arc<str>| event.issuer = Some(Arc::clone(issuer));
        let verified = self.verify_id_token(request.id_token, registry, request.audience, on_issuer).await?;
        event.identify(&verified.identity);

        let snapshot = self.policies.load();
        event.digest = Some(Arc::clone(&snapshot.digest().0));
        let (wanted, now) = (request.wanted, self.clock.now());
        let decided = decide(&snapshot, &verified.identity, registry, wanted, now);
        if let Some(rehearsal) =
            evaluate_audit_mode(&snapshot, &verified.identity, registry, wanted, now, &decided)
        {
            event.rehearsed(&rehearsal, decided.is_ok());
        }
        let grant = decided?;
        event.policies.clone_from(&grant.policies);
        event.granted(&grant.scope);
        self.cut_offs.refuse_suspended(&verified.identity, registry, &grant.policies)?;

        let digest = Arc::clone(&snapshot.digest().0);
        self.build_mint(request.slot, registry, verified, grant, digest, event)
    }

    /// Builds the token and what the store is to do about it.
    fn build_mint(
        &self,
        slot: Slot,
        registry: &Arc<Registry>,
        verified: VerifiedIdToken,
        grant: Grant,
        digest: Arc<str>,
        event: &mut Event,
    ) -> Result<PendingMint, Denial> {
        let identity = &verified.identity;
        let run = identity.run().cloned();
        let tag = run.as_ref().map_or_else(|| Tag::of(&verified.replay_key), |run| Tag::of(run.as_bytes()));
        if let (Some(claim), None, false) =
            (&identity.issuer.run_claim, &run, grant.tokens_per_run.is_empty())
        {
            let detail =
                format!("a policy limits what one run may mint, and the ID token has no usable `{claim}`");
            return Err(Denial::new(Reason::MissingClaim, detail).claim(claim.clone()));
        }
        let token = RegistryToken::generate(&registry.token_prefix, tag)
            .map_err(|_| Denial::new(Reason::Overloaded, "the operating system has no randomness"))?;
        let minted_ms = self.clock.now_ms();
        // No token outlives a policy that contributed to it.
        let expires = (minted_ms / 1000 + grant.token_ttl).min(grant.expires.unwrap_or(u64::MAX));
        event.token_id = Some(token.hash().into());
        event.expires = Some(expires);
        let mint = Mint {
            tag,
            replay_key: verified.replay_key,
            slot,
            max_packages: self.bounds.packages_per_id_token,
            tokens_per_run: grant.tokens_per_run,
            issued_at: verified.issued_at,
            replay_until: verified.replay_until,
            hash: token.hash(),
            now: minted_ms / 1000,
            tombstone_retention: self.bounds.tombstone_retention,
            record: Record {
                registry: Arc::clone(&registry.id),
                issuer: Arc::clone(&identity.issuer.id),
                subject: Arc::clone(identity.subject()),
                id_token: run.is_none().then_some(verified.replay_key),
                run,
                scope: grant.scope,
                minted_ms,
                expires,
                policies: grant.policies,
                digest,
                identity: Arc::clone(&identity.payload),
            },
        };
        Ok(PendingMint { token, mint: Arc::new(mint) })
    }

    /// Mints the token, which spends the ID token, and records the event. Both are completed even if the
    /// client disconnects: no mint is without its event.
    async fn commit_mint(
        self: &Arc<Self>,
        pending: PendingMint,
        mut event: Event,
        place: EventPermit,
    ) -> Result<IssuedToken, Denial> {
        let broker = Arc::clone(self);
        let work = async move {
            let PendingMint { token, mint } = pending;
            let ended = broker.mint(&mint).await;
            if let Err(denial) = &ended {
                event.refuse(denial);
            }
            broker.finish(event, place);
            ended.map(|()| IssuedToken {
                token,
                scope: mint.record.scope.clone(),
                minted_ms: mint.record.minted_ms,
                expires: mint.record.expires,
            })
        };
        CompleteOnDrop::new(work).await
    }

    /// Mints; a mint whose answer was lost is repeated with the same hash.
    async fn mint(&self, mint: &Arc<Mint>) -> Result<(), Denial> {
        match self.with_retry(|| self.store.mint(Arc::clone(mint))).await? {
            MintOutcome::Minted => Ok(()),
            MintOutcome::Replayed => Err(Denial::new(
                Reason::Replayed,
                "the ID token has been used already; fetch a fresh one for each exchange",
            )),
            MintOutcome::Exhausted => Err(Denial::new(
                Reason::LimitReached,
                "this run has minted as many tokens as its policies allow one run",
            )),
            MintOutcome::Reset => Err(Denial::new(
                Reason::StoreReset,
                "the ID token is older than the store's memory; fetch a fresh one",
            )
            .retry_after(1)),
        }
    }

    fn finish(&self, event: Event, place: EventPermit) {
        self.metrics.exchange(event.registry.as_ref(), event.issuer.as_ref(), event.label());
        place.record(event);
    }
}

/// A token that is not in the store yet.
struct PendingMint {
    token: RegistryToken,
    mint: Arc<Mint>,
}
