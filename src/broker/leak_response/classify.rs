//! What each record of a report of leaked tokens is: a token of ours that lives, one that has ended, or
//! none.

use std::collections::HashMap;
use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::leak_response::affected_runs::{AffectedRun, ReportedToken};
use crate::denial::Denial;
use crate::registry::Registry;
use crate::reporters::Leak;
use crate::store::Entry;
use crate::token::{Record, RegistryToken, Tag, TokenHash, TokenId};
use crate::webhooks::Found;

/// How many tokens are looked at together.
const LOOKED_AT: usize = 500;
/// How many tokens that had ended already are named in the event of a report.
const NAMED: usize = 100;

/// What a reported string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// A token that was alive; it is revoked now.
    Live,
    /// A token that was minted, and had expired or was revoked already.
    Ended,
    /// A string with a valid checksum that was never minted, as far as is remembered.
    Unknown,
    /// Nothing of ours.
    Foreign,
}

impl Reported {
    /// Whether it is, or was, a token: what GitHub calls a true positive.
    pub fn is_token(self) -> bool {
        matches!(self, Self::Live | Self::Ended)
    }

    pub(in crate::broker) fn label(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Unknown => "checksum_ok_unknown",
            Self::Foreign => "foreign",
        }
    }
}

/// What a report turns out to be.
pub(in crate::broker) struct Classified {
    /// What each record is, in their order.
    pub(in crate::broker) records: Vec<Reported>,
    /// The first tokens that had ended already.
    pub(in crate::broker) ended: Vec<TokenId>,
    /// What is alive in the store.
    pub(in crate::broker) affected_runs: Vec<AffectedRun>,
}

/// A reported string that is written like a token of ours.
struct Candidate {
    /// Which records of the report are about it.
    records: Vec<usize>,
    registry: Arc<Registry>,
    tag: Tag,
    hash: TokenHash,
}

impl Broker {
    /// Says what each record is, and gathers what lives by its run.
    ///
    /// # Errors
    /// If the store cannot be reached.
    pub(in crate::broker) async fn classify(
        &self,
        reporter: &Arc<str>,
        leaks: &[Leak],
    ) -> Result<Classified, Denial> {
        let (mut records, mut ended) = (vec![Reported::Foreign; leaks.len()], Vec::new());
        let (mut affected_runs, mut by_family) = (Vec::<AffectedRun>::new(), HashMap::new());
        for part in self.candidates(leaks).chunks(LOOKED_AT) {
            let tokens: Vec<_> = part.iter().map(|candidate| (candidate.tag, candidate.hash)).collect();
            let now = self.clock.now();
            let look = || self.store.get_many(tokens.clone(), self.bounds.tombstone_retention, now);
            let entries = self.with_retry_for(self.bounds.report_patience, look).await?;
            for (candidate, entry) in part.iter().zip(entries) {
                let (state, record) = match entry {
                    None => (Reported::Unknown, None),
                    Some(Entry::Minted(record)) if !record.is_expired(now) => {
                        let good = self.is_good(&candidate.registry, &record);
                        (if good { Reported::Live } else { Reported::Ended }, Some(record))
                    }
                    Some(_) => (Reported::Ended, None),
                };
                for at in &candidate.records {
                    records[*at] = state;
                }
                if state == Reported::Ended && ended.len() < NAMED {
                    ended.push(TokenId::from(candidate.hash));
                }
                self.metrics.leak(reporter, Some(&candidate.registry.id), state.label());
                let Some(record) = record else { continue };
                let are_live = state == Reported::Live;
                let group = (record.family(), are_live);
                let at = *by_family.entry(group).or_insert_with(|| {
                    let (tag, family) = (candidate.tag, group.0);
                    affected_runs.push(AffectedRun { tag, family, tokens: Vec::new(), are_live });
                    affected_runs.len() - 1
                });
                let found = found(reporter, leaks, &candidate.records);
                affected_runs[at].tokens.push(ReportedToken { hash: candidate.hash, record, found });
            }
        }
        Ok(Classified { records, ended, affected_runs })
    }

    /// Whether a token is good for anything, as far as is known: if the cut-offs cannot be read, it is.
    fn is_good(&self, registry: &Registry, record: &Record) -> bool {
        !self.cut_offs.cut_off(record, &self.issuers).unwrap_or(false) && self.still_covered(registry, record)
    }

    /// The strings that are written like tokens of ours, each once.
    fn candidates(&self, leaks: &[Leak]) -> Vec<Candidate> {
        let (mut candidates, mut by_hash) = (Vec::<Candidate>::new(), HashMap::new());
        for (at, leak) in leaks.iter().enumerate() {
            let Some((registry, token)) = self.read_token(&leak.token) else { continue };
            let token: RegistryToken = token;
            let (tag, hash) = (token.tag(), token.hash());
            let place = *by_hash.entry(hash).or_insert_with(|| {
                candidates.push(Candidate { records: Vec::new(), registry, tag, hash });
                candidates.len() - 1
            });
            candidates[place].records.push(at);
        }
        candidates
    }
}

/// Where a token was found: at the first place that has an address.
fn found(reporter: &Arc<str>, leaks: &[Leak], records: &[usize]) -> Found {
    let mut leaks = records.iter().map(|at| &leaks[*at]);
    let first = leaks.clone().next();
    let place = leaks.find(|leak| !leak.url.is_empty()).or(first);
    let said = |part: fn(&Leak) -> &String| place.map(part).cloned().unwrap_or_default();
    Found { reporter: Arc::clone(reporter), url: said(|leak| &leak.url), source: said(|leak| &leak.source) }
}
