//! Cut-offs and suspensions: cut-offs and suspensions, as every replica holds them.
//!
//! A copy of all of them is at most a second old. With a copy older than five seconds nothing is
//! minted and nothing is confirmed.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

use crate::denial::{Denial, Reason};
use crate::identity::{Identity, Issuers};
use crate::registry::Registry;
use crate::store::{CutOff, CutOffAction, Selector, Store};
use crate::token::Record;

/// How often the copy is renewed; with the time that takes, it stays younger than a second.
const REFRESH_INTERVAL: Duration = Duration::from_millis(400);
/// How long one renewal may take.
const REFRESH_TIMEOUT: Duration = Duration::from_millis(500);
/// How old a copy may be and still decide.
const MAX_AGE: Duration = Duration::from_secs(5);
/// The longest a token can live, and then some: after that its cut-off is history.
const MAX_TOKEN_LIFE_MS: u64 = (21_600 + 600) * 1000;

/// The copy that this replica holds.
#[derive(Debug, Default)]
pub struct CutOffCache {
    copy: ArcSwapOption<CachedCutOffs>,
}

#[derive(Debug)]
struct CachedCutOffs {
    at: Instant,
    cut_offs: Vec<CutOff>,
}

impl CutOffCache {
    /// Renews the copy once.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn refresh(&self, store: &dyn Store, now_ms: u64) -> Result<(), String> {
        // The age counts from before the question: the answer is at least that fresh.
        let at = Instant::now();
        let answer = tokio::time::timeout(REFRESH_TIMEOUT, store.cut_offs()).await;
        let cut_offs =
            answer.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())?;
        let history = now_ms.saturating_sub(MAX_TOKEN_LIFE_MS);
        let is_old = |cut_off: &&CutOff| cut_off.until_ms.is_some_and(|until| until < history);
        let old: Vec<_> = cut_offs.iter().filter(is_old).map(|cut_off| cut_off.selector.clone()).collect();
        let copy = Arc::new(CachedCutOffs { at, cut_offs });
        // A slow renewal never takes back what a later one saw.
        self.copy.rcu(|current| match current {
            Some(newer) if newer.at > copy.at => Some(Arc::clone(newer)),
            _ => Some(Arc::clone(&copy)),
        });
        for selector in old {
            // Another replica will do it if this one fails.
            let forgotten = store.set_cut_off(selector, CutOffAction::Remove, history);
            drop(tokio::time::timeout(REFRESH_TIMEOUT, forgotten).await);
        }
        Ok(())
    }

    /// Renews the copy until the future is dropped.
    pub async fn keep_refreshing(&self, store: &dyn Store, clock: &dyn crate::clock::Clock) {
        let mut failing = false;
        loop {
            let renewed = self.refresh(store, clock.now_ms()).await;
            match (&renewed, failing) {
                (Err(error), false) => {
                    tracing::warn!(%error, "the cut-offs cannot be read; nothing is minted or confirmed soon");
                }
                (Ok(()), true) => tracing::info!("the cut-offs are read again"),
                _ => {}
            }
            failing = renewed.is_err();
            tokio::time::sleep(REFRESH_INTERVAL).await;
        }
    }

    /// Whether the copy is fresh enough to decide.
    pub fn is_fresh(&self) -> bool {
        self.current().is_ok()
    }

    /// All cut-offs, for operators.
    ///
    /// # Errors
    /// `store_unavailable` if the copy is too old.
    pub fn list(&self) -> Result<Vec<CutOff>, Denial> {
        Ok(self.current()?.cut_offs.clone())
    }

    /// Refuses what a suspension names.
    ///
    /// # Errors
    /// `suspended`, or `store_unavailable` if the copy is too old.
    pub(super) fn refuse_suspended(
        &self,
        identity: &Identity,
        registry: &Registry,
        policies: &[Arc<str>],
    ) -> Result<(), Denial> {
        let copy = self.current()?;
        let named = |selector: &Selector| {
            selector_matches(
                selector,
                &identity.issuer.id,
                &registry.id,
                policies,
                identity.run().map(|run| &**run),
                |repository| identity.is_of_repository(repository),
            )
        };
        let suspended =
            copy.cut_offs.iter().any(|cut_off| cut_off.until_ms.is_none() && named(&cut_off.selector));
        if suspended {
            return Err(Denial::new(
                Reason::Suspended,
                "publishing by this identity is suspended, by an operator or for a leaked token; an operator can resume it",
            ));
        }
        Ok(())
    }

    /// Whether a cut-off revokes a token.
    pub(super) fn cut_off(&self, record: &Record, issuers: &Issuers) -> Result<bool, Denial> {
        let copy = self.current()?;
        let revoked = |cut_off: &CutOff| {
            cut_off.until_ms.is_none_or(|until| record.minted_ms <= until)
                && selector_matches(
                    &cut_off.selector,
                    &record.issuer,
                    &record.registry,
                    &record.policies,
                    record.run.as_deref(),
                    |repository| {
                        // An identity that cannot be read any more is no one's to vouch for.
                        let issuer = issuers.by_id(&record.issuer);
                        let identity = issuer
                            .and_then(|issuer| Identity::recall(&issuer.settings, &record.identity).ok());
                        identity.is_none_or(|identity| identity.is_of_repository(repository))
                    },
                )
        };
        Ok(copy.cut_offs.iter().any(revoked))
    }

    fn current(&self) -> Result<Arc<CachedCutOffs>, Denial> {
        self.copy
            .load_full()
            .filter(|copy| copy.at.elapsed() < MAX_AGE)
            .ok_or_else(|| Denial::new(Reason::StoreUnavailable, "the cut-offs cannot be read at the moment"))
    }
}

/// Whether a selector names something with these properties; what it leaves out is about all.
fn selector_matches(
    selector: &Selector,
    issuer: &str,
    registry: &str,
    policies: &[Arc<str>],
    run: Option<&str>,
    has_repository: impl Fn(&str) -> bool,
) -> bool {
    let is = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
    };
    is(&selector.issuer, Some(issuer))
        && is(&selector.registry, Some(registry))
        && is(&selector.run, run)
        && selector.policy.as_deref().is_none_or(|wanted| policies.iter().any(|policy| **policy == *wanted))
        && selector.repository.as_deref().is_none_or(has_repository)
}
