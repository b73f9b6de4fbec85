//! A signed report of leaked tokens: what lives dies, with every other token of its run, before the
//! report is answered. The job that leaked one token may have leaked all of them.

use std::collections::HashSet;
use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::leak_response::classify::Reported;
use crate::broker::revocation::{Victim, number};
use crate::broker::leak_response::messages::Messages;
use crate::broker::leak_response::affected_runs::{Suspect, Suspects};
use crate::broker::complete_on_drop::Unabandoned;
use crate::events::{Event, Outcome, Place};
use crate::denial::Denial;
use crate::reporters::Leaks;
use crate::registry::OnLeak;
use crate::store::{Cause, Death, Doomed, Selector, Switch};
use crate::token::{Record, TokenHash, TokenId};

/// How many reported tokens are killed together, and how many of their runs are ended: what is done
/// together is done in one transaction, and others wait for it.
const KILLED: usize = 500;
const ENDED: usize = 100;

/// What the dialect of leak reports is called in events.
pub(in crate::broker) const DIALECT: &str = "leaks";

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
        let ended = match self.judge(reporter, &report.leaks).await {
            Ok(judged) => {
                event.ended = judged.ended;
                self.end_all(&judged.suspects).await.map(|()| judged.records)
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

    async fn end_all(&self, suspects: &[Suspects]) -> Result<(), Denial> {
        let (mut suspended, mut rest) = (HashSet::new(), suspects);
        while let Some(part) = rest.get(..together(rest)).filter(|part| !part.is_empty()) {
            self.end(part, &mut suspended).await?;
            rest = &rest[part.len()..];
        }
        Ok(())
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
