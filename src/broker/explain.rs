//! What would an ID token get, and why not? Nothing is minted and nothing is spent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Audience, Broker};
use crate::denial::{Denial, Reason};
use crate::identity::{Claims, Identity};
use crate::policy::tools::explain::{CallersView, Decision, Explanation, explain, explain_to_caller};
use crate::registry::Registry;
use crate::token::Scope;

/// What an operator asks about.
pub enum Evidence {
    /// An ID token, which is verified.
    IdToken(String),
    /// Claims that no one signed.
    Claims {
        /// The claims.
        claims: Claims,
        /// The id of the issuer whose claims they are, if `iss` does not say it.
        issuer: Option<String>,
    },
}

impl Broker {
    /// Explains to the holder of an ID token what it would get. Each replica does so a few times for
    /// each ID token, since a dry run leaves no trace in the store.
    ///
    /// # Errors
    /// What an exchange would answer to an ID token that does not verify; `rate_limited`.
    pub async fn explain(
        &self,
        id_token: &str,
        registry: &Arc<Registry>,
        wanted: Option<&Scope>,
    ) -> Result<CallersView, Denial> {
        let explained = self.explain_uncounted(id_token, registry, wanted).await;
        self.count_explanation(
            registry,
            explained.as_ref().map(|view| &view.decision).map_err(|denial| denial.reason),
        );
        explained
    }

    async fn explain_uncounted(
        &self,
        id_token: &str,
        registry: &Arc<Registry>,
        wanted: Option<&Scope>,
    ) -> Result<CallersView, Denial> {
        let audience = Audience::RegistryOrBroker;
        let verified = self.verify_id_token(id_token, registry, audience, |_| {}).await?;
        let id = (verified.replay_until, verified.replay_key);
        self.explanations.take_one(id, self.clock.now(), self.bounds.explanations_per_id_token)?;
        let mut view = explain_to_caller(
            &self.policies.load(),
            &verified.identity,
            registry,
            wanted.into(),
            self.clock.now(),
        );
        self.apply_suspensions(&mut view.decision, &verified.identity, registry)?;
        Ok(view)
    }

    /// Explains a decision to an operator.
    ///
    /// # Errors
    /// If the ID token does not verify, or the claims are not an identity.
    pub async fn explain_to_operator(
        &self,
        evidence: Evidence,
        registry: &Arc<Registry>,
        wanted: Option<Scope>,
    ) -> Result<Explanation, Denial> {
        let identity = match evidence {
            Evidence::IdToken(token) => {
                let audience = Audience::RegistryOrBroker;
                self.verify_id_token(&token, registry, audience, |_| {}).await?.identity
            }
            Evidence::Claims { claims, issuer } => {
                let issuer = self.issuers.of_claims(&claims, issuer.as_deref())?;
                Identity::unsigned(&issuer.settings, claims)?
            }
        };
        let (snapshot, about) = (Arc::clone(&self.policies.load()), Arc::clone(registry));
        let now = self.clock.now();
        let looked_at = identity.clone();
        // Every policy is looked at, which takes a moment where there are very many.
        let explained = tokio::task::spawn_blocking(move || {
            explain(&snapshot, &looked_at, &about, wanted.as_ref().into(), now)
        });
        let mut explanation = explained.await.map_err(|error| {
            Denial::new(Reason::Overloaded, "the explanation was aborted").internal(error)
        })?;
        self.apply_suspensions(&mut explanation.decision, &identity, registry)?;
        self.count_explanation(registry, Ok(&explanation.decision));
        Ok(explanation)
    }

    /// As an exchange would: a grant meets the cut-offs.
    fn apply_suspensions(
        &self,
        decision: &mut Decision,
        identity: &Identity,
        registry: &Registry,
    ) -> Result<(), Denial> {
        let Some(grant) = &decision.grant else { return Ok(()) };
        match self.cut_offs.refuse_suspended(identity, registry, &grant.policies) {
            Err(denial) if denial.reason == Reason::Suspended => {
                *decision = Decision::from(&denial);
                Ok(())
            }
            other => other,
        }
    }

    fn count_explanation(&self, registry: &Arc<Registry>, ended: Result<&Decision, Reason>) {
        let outcome = match ended {
            Ok(decision) => decision.reason.unwrap_or("allowed"),
            Err(reason) => reason.as_str(),
        };
        tracing::debug!(registry = &*registry.id, outcome, "explained");
        self.metrics.explanation(&registry.id, outcome);
    }
}

/// The most ID tokens that are counted at once. Each was verified, so an issuer has signed it.
const MOST: usize = 1 << 16;

/// The name of an ID token in the replay records, after the second until which it is of interest.
type Id = (u64, [u8; 32]);

/// How often each ID token was explained, until it expires.
#[derive(Debug, Default)]
pub struct Explanations(Mutex<BTreeMap<Id, u32>>);

impl Explanations {
    /// Takes one of the explanations that an ID token has. Where no more tokens can be counted there is none.
    fn take_one(&self, id: Id, now: u64, most: u32) -> Result<(), Denial> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while counted.first_entry().is_some_and(|oldest| oldest.key().0 < now) {
            counted.pop_first();
        }
        if counted.len() >= MOST && !counted.contains_key(&id) {
            return Err(Denial::new(Reason::RateLimited, "too many ID tokens are explained at the moment")
                .retry_after(60));
        }
        let taken = counted.entry(id).or_default();
        if *taken >= most {
            return Err(Denial::new(
                Reason::RateLimited,
                format!("an ID token is explained {most} times; fetch a fresh one"),
            ));
        }
        *taken += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanation_count_is_bounded_in_number_and_time() {
        let explanations = Explanations::default();
        let id = |number: u64| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            (100, key)
        };
        let reason = |number, now| explanations.take_one(id(number), now, 2).map_err(|denial| denial.reason);
        assert_eq!([reason(0, 0), reason(0, 0), reason(0, 0)], [Ok(()), Ok(()), Err(Reason::RateLimited)]);
        for number in 1..MOST as u64 {
            assert_eq!(reason(number, 1), Ok(()));
        }
        assert_eq!(reason(MOST as u64, 100), Err(Reason::RateLimited), "full, so closed");
        assert_eq!(reason(1, 100), Ok(()), "who is counted already goes on");
        assert_eq!(reason(MOST as u64, 101), Ok(()), "what expired made room");
        assert_eq!(explanations.0.lock().expect("lock").len(), 1);
    }
}
