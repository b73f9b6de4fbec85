//! A signed report of leaked tokens: what lives is revoked, with every other token of its run, before the
//! report is answered. The job that leaked one token may have leaked all of them.

use std::collections::HashSet;
use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::complete_on_drop::CompleteOnDrop;
use crate::broker::leak_response::affected_runs::{AffectedRun, ReportedToken};
use crate::broker::leak_response::classify::Reported;
use crate::broker::leak_response::messages::Messages;
use crate::broker::revocation::{RevokedToken, random_revocation_id};
use crate::denial::Denial;
use crate::events::{Event, EventPermit, Outcome};
use crate::registry::OnLeak;
use crate::reporters::Leaks;
use crate::store::{Cause, CutOffAction, RevocationReason, RevocationTarget, Selector};
use crate::token::{Record, TokenHash, TokenId};

/// How many reported tokens are revoked together, and how many of their runs are ended: what is done
/// together is done in one transaction, and others wait for it.
const MAX_TOKENS_PER_BATCH: usize = 500;
const MAX_RUNS_PER_BATCH: usize = 100;

/// What the dialect of leak reports is called in events.
pub(in crate::broker) const DIALECT: &str = "leaks";

impl Broker {
    /// Takes a report whose reporter is known. The answer says what each record was, in their order.
    /// The same report again changes nothing more.
    ///
    /// # Errors
    /// If the store cannot be reached or events cannot be recorded. Some of the tokens may be dead then;
    /// the report must come again.
    pub async fn respond_to_leaks(
        self: &Arc<Self>,
        reporter: &Arc<str>,
        report: Arc<Leaks>,
    ) -> Result<Vec<Reported>, Denial> {
        let place = self.reserve_event()?;
        let (broker, reporter) = (Arc::clone(self), Arc::clone(reporter));
        CompleteOnDrop::new(async move { broker.respond_to_all(&reporter, &report, place).await }).await
    }

    async fn respond_to_all(
        &self,
        reporter: &Arc<str>,
        report: &Leaks,
        place: EventPermit,
    ) -> Result<Vec<Reported>, Denial> {
        let mut event = Event::new(self.clock.now_ms(), Outcome::Reported, DIALECT);
        event.reporter = Some(Arc::clone(reporter));
        let ended = match self.classify(reporter, &report.leaks).await {
            Ok(classified) => {
                event.ended = classified.ended;
                self.end_all(&classified.affected_runs).await.map(|()| classified.records)
            }
            Err(denial) => Err(denial),
        };
        match &ended {
            Ok(records) => event.detail = Some(self.count(reporter, report, records)),
            Err(denial) => event.refuse(denial),
        }
        place.record(event);
        ended
    }

    async fn end_all(&self, affected_runs: &[AffectedRun]) -> Result<(), Denial> {
        let (mut suspended, mut rest) = (HashSet::new(), affected_runs);
        while let Some(part) = rest.get(..together(rest)).filter(|part| !part.is_empty()) {
            self.end(part, &mut suspended).await?;
            rest = &rest[part.len()..];
        }
        Ok(())
    }

    /// Ends runs. What people are told is kept first, so that it is not lost if the broker is revoked in
    /// between; a suspension comes before the revocation, which is not repeated for what is revoked. Neither
    /// keeps the tokens alive if it fails: then the report is to come again, and they are revoked all the same.
    async fn end(
        &self,
        affected_runs: &[AffectedRun],
        suspended: &mut HashSet<Arc<str>>,
    ) -> Result<(), Denial> {
        let by = random_revocation_id()?;
        let mut messages = Messages::of(self, affected_runs);
        let held = messages.enqueue_pending().await;
        let set_cut_off = self.suspend(affected_runs, suspended).await;

        let target = |each: &AffectedRun| RevocationTarget {
            tag: each.tag,
            tokens: each.tokens.iter().map(|token| token.hash).collect(),
            family: each.are_live.then_some(each.family),
            cause: Some(Cause::of(&each.first().hash)),
        };
        let targets: Arc<[RevocationTarget]> = affected_runs.iter().map(target).collect();
        match self.revoke_targets(targets, RevocationReason::Leaked, by, self.bounds.report_patience).await {
            Ok(revoked) => {
                for (each, revoked) in affected_runs.iter().zip(&revoked) {
                    self.record_revoked(each, revoked).await;
                }
                messages.publish(&revoked, suspended).await?;
            }
            Err(denial) => {
                // No one knows whether they are revoked; the report will come again, and find out.
                for each in affected_runs {
                    for token in &each.tokens {
                        let mut event = self.leaked(each, token.hash, &token.record);
                        event.refuse(&denial);
                        self.record(None, event).await;
                    }
                }
                return Err(denial);
            }
        }
        held.and(set_cut_off)
    }

    async fn record_revoked(&self, affected_runs: &AffectedRun, revoked: &[RevokedToken]) {
        for (hash, record) in revoked {
            self.record(None, self.leaked(affected_runs, *hash, record)).await;
        }
    }

    /// The event of a token that is revoked for a leak: its own, or the one that stands for its run.
    fn leaked(&self, affected_runs: &AffectedRun, hash: TokenHash, record: &Record) -> Event {
        let own = affected_runs.tokens.iter().find(|token| token.hash == hash);
        let reported = own.unwrap_or_else(|| affected_runs.first());
        let mut event = self.event_about(Outcome::Leaked, DIALECT, hash, record);
        event.reporter = Some(Arc::clone(&reported.found.reporter));
        event.found_at = Some(reported.found.url.clone());
        event.reported_token = Some(TokenId::from(reported.hash));
        event
    }

    /// Suspends the policies that fed tokens of registries where a leak means that, each once.
    async fn suspend(
        &self,
        affected_runs: &[AffectedRun],
        suspended: &mut HashSet<Arc<str>>,
    ) -> Result<(), Denial> {
        let live = affected_runs.iter().filter(|each| each.are_live).flat_map(|each| &each.tokens);
        for ReportedToken { hash, record, found } in live {
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
                    self.apply_cut_off(&selector, CutOffAction::Suspend, event, None).await?;
                    suspended.insert(Arc::clone(policy));
                }
            }
        }
        Ok(())
    }

    /// Counts a report, and says how many of its records were what.
    fn count(&self, reporter: &Arc<str>, report: &Leaks, classified: &[Reported]) -> String {
        let of = |state: Reported| classified.iter().filter(|found| **found == state).count();
        let foreign = of(Reported::Foreign);
        for _ in 0..foreign {
            self.metrics.leak(reporter, None, Reported::Foreign.label());
        }
        format!(
            "{} live, {} ended, {} unknown with a valid checksum, {foreign} foreign, {} unreadable",
            of(Reported::Live),
            of(Reported::Ended),
            of(Reported::Unknown),
            report.skipped,
        )
    }
}

/// How many of these runs are ended together; one at least.
fn together(affected_runs: &[AffectedRun]) -> usize {
    let mut tokens = 0;
    let fits = |each: &&AffectedRun| {
        tokens += each.tokens.len();
        tokens <= MAX_TOKENS_PER_BATCH
    };
    affected_runs.iter().take(MAX_RUNS_PER_BATCH).take_while(fits).count().max(1).min(affected_runs.len())
}
