//! A signed report of leaked tokens: what lives dies, with every other token of its run, before the
//! report is answered. The job that leaked one token may have leaked all of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Broker;
use super::killing::{Victim, number};
use super::leak_messages::Messages;
use super::suspects::{Suspect, Suspects};
use super::unabandoned::Unabandoned;
use crate::audit::{Event, Outcome, Place};
use crate::denial::Denial;
use crate::leaks::{Leak, Leaks};
use crate::notices::Found;
use crate::registry::{OnLeak, Registry};
use crate::store::{Cause, Death, Doomed, Entry, Selector, Switch};
use crate::token::{Record, RegistryToken, Tag, TokenHash, TokenId};

/// How many tokens are looked at together.
const LOOKED_AT: usize = 500;
/// How many reported tokens are killed together, and how many of their runs are ended: what is done
/// together is done in one transaction, and others wait for it.
const KILLED: usize = 500;
const ENDED: usize = 100;

/// How many tokens that had ended already are named in the event of a report.
const NAMED: usize = 100;

/// What the dialect of leak reports is called in events.
pub(super) const DIALECT: &str = "leaks";

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

/// What is known of a report so far.
struct Judged {
    /// What each record is, in their order.
    records: Vec<Reported>,
    /// The first tokens that had ended already.
    ended: Vec<TokenId>,
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
        let mut judged = Judged { records: vec![Reported::Foreign; report.leaks.len()], ended: Vec::new() };
        let ended = self.judge_and_end(reporter, report, &mut judged).await;
        event.ended = judged.ended;
        match &ended {
            Ok(()) => event.detail = Some(self.count(reporter, report, &judged.records)),
            Err(denial) => event.refuse(denial),
        }
        place.record(event);
        ended.map(|()| judged.records)
    }

    async fn judge_and_end(
        &self,
        reporter: &Arc<str>,
        report: &Leaks,
        judged: &mut Judged,
    ) -> Result<(), Denial> {
        let suspects = self.suspects(reporter, &report.leaks, judged).await?;
        let mut suspended = HashSet::new();
        let mut rest = suspects.as_slice();
        while let Some(part) = rest.get(..together(rest)).filter(|part| !part.is_empty()) {
            self.end(part, &mut suspended).await?;
            rest = &rest[part.len()..];
        }
        Ok(())
    }

    /// Says what each record is, and gathers what lives by its run.
    async fn suspects(
        &self,
        reporter: &Arc<str>,
        leaks: &[Leak],
        judged: &mut Judged,
    ) -> Result<Vec<Suspects>, Denial> {
        let (mut suspects, mut by_family) = (Vec::<Suspects>::new(), HashMap::new());
        for part in self.candidates(leaks).chunks(LOOKED_AT) {
            let tokens: Vec<_> = part.iter().map(|candidate| (candidate.tag, candidate.hash)).collect();
            let now = self.clock.now();
            let look = || self.store.look(tokens.clone(), self.bounds.remembrance, now);
            let entries = self.insist_for(self.bounds.report_patience, look).await?;
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
                    judged.records[*at] = state;
                }
                if state == Reported::Ended && judged.ended.len() < NAMED {
                    judged.ended.push(TokenId::from(candidate.hash));
                }
                self.metrics.leak(reporter, Some(&candidate.registry.id), state.label());
                let Some(record) = record else { continue };
                let are_live = state == Reported::Live;
                let group = (record.family(), are_live);
                let at = *by_family.entry(group).or_insert_with(|| {
                    let (tag, family) = (candidate.tag, group.0);
                    suspects.push(Suspects { tag, family, tokens: Vec::new(), are_live });
                    suspects.len() - 1
                });
                let found = found(reporter, leaks, &candidate.records);
                suspects[at].tokens.push(Suspect { hash: candidate.hash, record, found });
            }
        }
        Ok(suspects)
    }

    /// Whether a token is good for anything, as far as is known: if the switches cannot be read, it is.
    fn is_good(&self, registry: &Registry, record: &Record) -> bool {
        !self.switches.cut_off(record, &self.issuers).unwrap_or(false) && self.still_covered(registry, record)
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
    /// between; a suspension comes before the killing, which is not repeated for what is dead. Neither
    /// keeps the tokens alive if it fails: then the report is to come again, and they are dead all the same.
    async fn end(&self, suspects: &[Suspects], suspended: &mut HashSet<Arc<str>>) -> Result<(), Denial> {
        let by = number()?;
        let mut messages = Messages::of(self, suspects);
        let held = messages.hold().await;
        let switched = self.suspend(suspects, suspended).await;

        let doom = |each: &Suspects| Doomed {
            tag: each.tag,
            tokens: each.tokens.iter().map(|token| token.hash).collect(),
            family: each.are_live.then_some(each.family),
            cause: Some(Cause::of(&each.first().hash)),
        };
        let doomed: Arc<[Doomed]> = suspects.iter().map(doom).collect();
        match self.kill(doomed, Death::Leaked, by, self.bounds.report_patience).await {
            Ok(killed) => {
                for (each, killed) in suspects.iter().zip(&killed) {
                    self.record_killed(each, killed).await;
                }
                messages.release(&killed, suspended).await?;
            }
            Err(denial) => {
                // Nobody knows whether they are dead; the report will come again, and find out.
                for each in suspects {
                    for token in &each.tokens {
                        let mut event = self.leaked(each, token.hash, &token.record);
                        event.refuse(&denial);
                        self.record(None, event).await;
                    }
                }
                return Err(denial);
            }
        }
        held.and(switched)
    }

    async fn record_killed(&self, suspects: &Suspects, killed: &[Victim]) {
        for (hash, record) in killed {
            self.record(None, self.leaked(suspects, *hash, record)).await;
        }
    }

    /// The event of a token that dies for a leak: its own, or the one that stands for its run.
    fn leaked(&self, suspects: &Suspects, hash: TokenHash, record: &Record) -> Event {
        let own = suspects.tokens.iter().find(|token| token.hash == hash);
        let reported = own.unwrap_or_else(|| suspects.first());
        let mut event = self.event_about(Outcome::Leaked, DIALECT, hash, record);
        event.reporter = Some(Arc::clone(&reported.found.reporter));
        event.found_at = Some(reported.found.url.clone());
        event.reported_token = Some(TokenId::from(reported.hash));
        event
    }

    /// Suspends the policies that fed tokens of registries where a leak means that, each once.
    async fn suspend(&self, suspects: &[Suspects], suspended: &mut HashSet<Arc<str>>) -> Result<(), Denial> {
        let live = suspects.iter().filter(|each| each.are_live).flat_map(|each| &each.tokens);
        for Suspect { hash, record, found } in live {
            let registry = self.registries.by_id(&record.registry);
            if registry.is_none_or(|registry| registry.on_leak != OnLeak::Suspend) {
                continue;
            }
            for policy in &record.policies {
                if !suspended.contains(policy) {
                    let selector = Selector { policy: Some(policy.to_string()), ..Selector::default() };
                    let mut event = Event::new(self.clock.now_ms(), Outcome::Switched, DIALECT);
                    event.reporter = Some(Arc::clone(&found.reporter));
                    event.reported_token = Some(TokenId::from(*hash));
                    self.throw(&selector, Switch::Suspend, event, None).await?;
                    suspended.insert(Arc::clone(policy));
                }
            }
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

/// Where a token was found: at the first place that has an address.
fn found(reporter: &Arc<str>, leaks: &[Leak], records: &[usize]) -> Found {
    let mut leaks = records.iter().map(|at| &leaks[*at]);
    let first = leaks.clone().next();
    let place = leaks.find(|leak| !leak.url.is_empty()).or(first);
    let said = |part: fn(&Leak) -> &String| place.map(part).cloned().unwrap_or_default();
    Found { reporter: Arc::clone(reporter), url: said(|leak| &leak.url), source: said(|leak| &leak.source) }
}
