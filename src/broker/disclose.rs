//! A signed report of leaked tokens: what lives dies, with every other token of its run, before the
//! report is answered. The job that leaked one token may have leaked all of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Broker;
use super::killing::number;
use super::unabandoned::Unabandoned;
use crate::audit::{Event, Outcome, Place};
use crate::denial::Denial;
use crate::identity::Identity;
use crate::leaks::{Leak, Leaks};
use crate::notices::{Deed, Found, Parcel, TokenLeaked};
use crate::registry::{OnLeak, Registry};
use crate::store::{Cause, Death, Doomed, Entry, Selector, Switch};
use crate::token::{Family, Record, RegistryToken, Tag, TokenHash, TokenId};

/// How many tokens are looked at together.
const LOOKED_AT: usize = 500;
/// How many reported tokens are killed together, and how many of their runs are ended: what is done
/// together is done in one transaction, and others wait for it.
const KILLED: usize = 500;
const ENDED: usize = 100;

/// What the dialect of leak reports is called in events.
const DIALECT: &str = "leaks";

/// What a reported string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// A token that was alive; it is dead now.
    Live,
    /// A token that was minted, and had expired or was dead already.
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

    fn label(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Unknown => "checksum_ok_unknown",
            Self::Foreign => "foreign",
        }
    }
}

/// A reported string that is written like a token of ours.
struct Candidate {
    /// Which records of the report are about it; the first says where it was found.
    records: Vec<usize>,
    registry: Arc<Registry>,
    tag: Tag,
    hash: TokenHash,
}

/// Live tokens of one run, of which the first stands for all.
struct Suspects {
    tag: Tag,
    family: Family,
    tokens: Vec<(TokenHash, Arc<Record>)>,
    found: Found,
}

impl Broker {
    /// Takes a report whose reporter is known. The answer says what each record was, in their order.
    /// The same report again changes nothing more.
    ///
    /// # Errors
    /// If the store cannot be reached or events cannot be recorded. Some of the tokens may be dead then;
    /// the report must come again.
    pub async fn disclose(
        self: &Arc<Self>,
        reporter: &Arc<str>,
        report: Arc<Leaks>,
    ) -> Result<Vec<Reported>, Denial> {
        let place = self.place()?;
        let (broker, reporter) = (Arc::clone(self), Arc::clone(reporter));
        Unabandoned::new(async move { broker.disclose_all(&reporter, &report, place).await }).await
    }

    async fn disclose_all(
        &self,
        reporter: &Arc<str>,
        report: &Leaks,
        place: Place,
    ) -> Result<Vec<Reported>, Denial> {
        let mut event = Event::new(self.clock.now_ms(), Outcome::Reported, DIALECT);
        event.reporter = Some(Arc::clone(reporter));
        let judged = self.judge_and_end(reporter, report).await;
        match &judged {
            Ok(judged) => event.detail = Some(self.count(reporter, report, judged)),
            Err(denial) => event.refuse(denial),
        }
        place.record(event);
        judged
    }

    async fn judge_and_end(&self, reporter: &Arc<str>, report: &Leaks) -> Result<Vec<Reported>, Denial> {
        let mut judged = vec![Reported::Foreign; report.leaks.len()];
        let suspects = self.suspects(reporter, &report.leaks, &mut judged).await?;
        let mut rest = suspects.as_slice();
        while let Some(part) = rest.get(..together(rest)).filter(|part| !part.is_empty()) {
            self.end(part).await?;
            rest = &rest[part.len()..];
        }
        Ok(judged)
    }

    /// Says what each record is, and gathers what lives by its run.
    async fn suspects(
        &self,
        reporter: &Arc<str>,
        leaks: &[Leak],
        judged: &mut [Reported],
    ) -> Result<Vec<Suspects>, Denial> {
        let (mut suspects, mut by_family) = (Vec::<Suspects>::new(), HashMap::new());
        for part in self.candidates(leaks).chunks(LOOKED_AT) {
            let tokens: Vec<_> = part.iter().map(|candidate| (candidate.tag, candidate.hash)).collect();
            let now = self.clock.now();
            let look = || self.store.look(tokens.clone(), self.bounds.remembrance, now);
            for (candidate, entry) in
                part.iter().zip(self.insist_for(self.bounds.report_patience, look).await?)
            {
                let (state, record) = match entry {
                    None => (Reported::Unknown, None),
                    Some(Entry::Minted(record)) if !record.is_expired(now) => (Reported::Live, Some(record)),
                    Some(_) => (Reported::Ended, None),
                };
                for at in &candidate.records {
                    judged[*at] = state;
                }
                self.metrics.leak(reporter, Some(&candidate.registry.id), state.label());
                let Some(record) = record else { continue };
                let family = record.family();
                let at = *by_family.entry(family).or_insert_with(|| {
                    let leak = &leaks[candidate.records[0]];
                    suspects.push(Suspects {
                        tag: candidate.tag,
                        family,
                        tokens: Vec::new(),
                        found: Found {
                            reporter: Arc::clone(reporter),
                            url: leak.url.clone(),
                            source: leak.source.clone(),
                        },
                    });
                    suspects.len() - 1
                });
                suspects[at].tokens.push((candidate.hash, record));
            }
        }
        Ok(suspects)
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

    /// Ends runs. What people are told is kept first, so that it is not lost if the broker dies in
    /// between; a suspension comes before the killing, which is not repeated for what is dead.
    async fn end(&self, suspects: &[Suspects]) -> Result<(), Denial> {
        let by = number()?;
        let mut parcels: Vec<Vec<Parcel>> = suspects.iter().map(|each| self.parcels(each)).collect();
        self.hold(parcels.iter().flatten()).await?;
        let suspended = self.suspend(suspects).await?;

        let doom = |each: &Suspects| Doomed {
            tag: each.tag,
            tokens: each.tokens.iter().map(|(hash, _)| *hash).collect(),
            family: Some(each.family),
            cause: Some(Cause::of(&each.tokens[0].0)),
        };
        let doomed: Arc<[Doomed]> = suspects.iter().map(doom).collect();
        let killed = self.kill(doomed, Death::Leaked, by, self.bounds.report_patience).await?;
        let mut released = Vec::new();
        for ((each, killed), parcels) in suspects.iter().zip(killed).zip(&mut parcels) {
            // Whoever killed them has told of it.
            if killed.is_empty() {
                continue;
            }
            let payload = self.message(each, Some(&killed), &suspended).payload();
            for parcel in parcels {
                parcel.payload.clone_from(&payload);
                parcel.held_for = None;
                released.push(parcel.clone());
            }
            for (hash, record) in killed {
                let mut event = self.event_about(Outcome::Leaked, DIALECT, hash, &record);
                event.reporter = Some(Arc::clone(&each.found.reporter));
                event.found_at = Some(each.found.url.clone());
                event.reported_token = Some(TokenId::from(each.tokens[0].0));
                self.record(None, event).await;
            }
        }
        self.release(&released).await
    }

    fn parcels(&self, suspects: &Suspects) -> Vec<Parcel> {
        let (hash, record) = &suspects.tokens[0];
        let policies: Vec<_> = policies_of(suspects).collect();
        let told = self.courier.webhooks.told(&record.registry, &policies);
        told.map(|webhook| Parcel {
            id: format!("leak_{}_{}", TokenId::from(*hash).as_str(), webhook.id),
            webhook: webhook.id.to_string(),
            payload: self.message(suspects, None, &HashSet::new()).payload(),
            attempts: 0,
            held_for: Some(Deed::new(suspects.tag, *hash)),
        })
        .collect()
    }

    fn message<'s>(
        &self,
        suspects: &'s Suspects,
        killed: Option<&[(TokenHash, Arc<Record>)]>,
        suspended: &HashSet<Arc<str>>,
    ) -> TokenLeaked<'s> {
        let (hash, record) = &suspects.tokens[0];
        TokenLeaked {
            token: *hash,
            record,
            run_url: self.run_url(record),
            found: &suspects.found,
            killed: killed.map(|killed| killed.iter().map(|(hash, _)| *hash).collect()),
            suspended: policies_of(suspects).filter(|policy| suspended.contains(policy)).collect(),
            at_ms: self.clock.now_ms(),
        }
    }

    fn run_url(&self, record: &Record) -> Option<String> {
        let issuer = self.issuers.by_id(&record.issuer)?;
        Identity::recall(&issuer.settings, &record.identity).ok()?.run_url()
    }

    /// Suspends the policies that fed tokens of registries where a leak means that.
    async fn suspend(&self, suspects: &[Suspects]) -> Result<HashSet<Arc<str>>, Denial> {
        let mut suspended = HashSet::new();
        for (_, record) in suspects.iter().flat_map(|each| &each.tokens) {
            let registry = self.registries.by_id(&record.registry);
            if registry.is_none_or(|registry| registry.on_leak != OnLeak::Suspend) {
                continue;
            }
            for policy in &record.policies {
                if suspended.insert(Arc::clone(policy)) {
                    let selector = Selector { policy: Some(policy.to_string()), ..Selector::default() };
                    self.throw(&selector, Switch::Suspend, DIALECT, None).await?;
                }
            }
        }
        Ok(suspended)
    }

    async fn hold(&self, parcels: impl Iterator<Item = &Parcel>) -> Result<(), Denial> {
        let now_ms = self.clock.now_ms();
        let held: Vec<_> = parcels.filter_map(|parcel| parcel.held(now_ms).ok()).collect();
        if held.is_empty() {
            return Ok(());
        }
        let patience = self.bounds.report_patience;
        let refused =
            self.insist_for(patience, || self.store.post(held.clone(), self.bounds.notices)).await?;
        if refused > 0 {
            // The tokens die all the same; that is what matters.
            tracing::error!(refused, "messages for webhooks found no room within `limits.notices`");
            self.metrics.notices_refused(refused);
        }
        Ok(())
    }

    async fn release(&self, parcels: &[Parcel]) -> Result<(), Denial> {
        let now_ms = self.clock.now_ms();
        let due: Vec<_> = parcels.iter().filter_map(|parcel| parcel.due_at(now_ms).ok()).collect();
        if !due.is_empty() {
            let patience = self.bounds.report_patience;
            self.insist_for(patience, || self.store.repost(due.clone())).await?;
            self.courier.wake.notify_one();
        }
        Ok(())
    }

    /// Counts a report, and says how many of its records were what.
    fn count(&self, reporter: &Arc<str>, report: &Leaks, judged: &[Reported]) -> String {
        let of = |state: Reported| judged.iter().filter(|found| **found == state).count();
        let foreign = of(Reported::Foreign);
        for _ in 0..foreign {
            self.metrics.leak(reporter, None, Reported::Foreign.label());
        }
        format!(
            "{} live, {} ended, {} unknown with a valid checksum, {foreign} foreign, {} unreadable",
            of(Reported::Live),
            of(Reported::Ended),
            of(Reported::Unknown),
            report.passed_over,
        )
    }
}

/// How many of these runs are ended together; one at least.
fn together(suspects: &[Suspects]) -> usize {
    let mut tokens = 0;
    let fits = |each: &&Suspects| {
        tokens += each.tokens.len();
        tokens <= KILLED
    };
    suspects.iter().take(ENDED).take_while(fits).count().max(1).min(suspects.len())
}

fn policies_of(suspects: &Suspects) -> impl Iterator<Item = Arc<str>> {
    let mut policies: Vec<_> =
        suspects.tokens.iter().flat_map(|(_, record)| &record.policies).cloned().collect();
    policies.sort_unstable();
    policies.dedup();
    policies.into_iter()
}
