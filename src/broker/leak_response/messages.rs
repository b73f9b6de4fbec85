//! The webhook messages about a leak: queued as pending before the revocation, published after it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::leak_response::affected_runs::{AffectedRun, ReportedToken};
use crate::broker::revocation::RevokedToken;
use crate::denial::Denial;
use crate::identity::Identity;
use crate::token::{Record, TokenHash, TokenId};
use crate::webhooks::{Delivery, Found, RevocationRef, TokenLeaked, Webhook};

/// The messages about some runs.
pub(in crate::broker) struct Messages<'m> {
    broker: &'m Broker,
    runs: Vec<Run<'m>>,
}

struct Run<'m> {
    affected_runs: &'m AffectedRun,
    /// Who is told, about which of the suspects.
    deliveries: Vec<(Arc<Webhook>, &'m ReportedToken, Delivery)>,
}

impl<'m> Messages<'m> {
    /// Each recipient is told of a run once: about the first of the reported tokens that concern it.
    pub(in crate::broker) fn of(broker: &'m Broker, affected_runs: &'m [AffectedRun]) -> Self {
        let run = |each: &'m AffectedRun| {
            let about = |webhook: &Arc<Webhook>| {
                let token = each.tokens.iter().find(|token| concerns(webhook, &token.record))?;
                let revocation_ref = Some(RevocationRef::new(each.tag, each.tokens[0].hash));
                let payload = broker.message(token.hash, &token.record, &token.found, None, None);
                Some((Arc::clone(webhook), token, delivery(webhook, token.hash, payload, revocation_ref)))
            };
            let told = broker.dispatcher.webhooks.iter().filter(|_| each.are_live);
            Run { affected_runs: each, deliveries: told.filter_map(about).collect() }
        };
        Self { broker, runs: affected_runs.iter().map(run).collect() }
    }

    /// Queues the messages as pending. Messages that exceed `limits.notices` are dropped.
    pub(in crate::broker) async fn enqueue_pending(&mut self) -> Result<(), Denial> {
        let now_ms = self.broker.clock.now_ms();
        let deliveries = self.runs.iter().flat_map(|run| &run.deliveries);
        let held: Vec<_> = deliveries.filter_map(|(.., delivery)| delivery.pending(now_ms).ok()).collect();
        let refused = self.broker.post(held).await?;
        for run in &mut self.runs {
            run.deliveries.retain(|(.., delivery)| !refused.contains(&delivery.id));
        }
        Ok(())
    }

    /// Sends them on their way, with what was done. Anyone who revoked the others has told of it.
    pub(in crate::broker) async fn publish(
        self,
        revoked: &[Vec<RevokedToken>],
        suspended: &HashSet<Arc<str>>,
    ) -> Result<(), Denial> {
        let broker = self.broker;
        let (mut due, mut more) = (Vec::new(), Vec::new());
        let now_ms = broker.clock.now_ms();
        for (run, revoked) in self.runs.into_iter().zip(revoked) {
            if revoked.is_empty() || !run.affected_runs.are_live {
                continue;
            }
            let policies: Vec<_> = run
                .affected_runs
                .policies()
                .into_iter()
                .filter(|policy| suspended.contains(policy))
                .collect();
            let message = |hash, record: &Record, found: &Found| {
                broker.message(hash, record, found, Some(revoked), Some(policies.clone()))
            };
            let mut told = HashSet::new();
            for (webhook, token, mut delivery) in run.deliveries {
                delivery.payload = message(token.hash, &token.record, &token.found);
                delivery.pending_on = None;
                due.extend(delivery.due_at(now_ms).ok());
                told.insert(Arc::clone(&webhook.id));
            }
            // No one reported these, but they was revoked, and concern someone too.
            let found = &run.affected_runs.tokens[0].found;
            for webhook in broker.dispatcher.webhooks.iter().filter(|webhook| !told.contains(&webhook.id)) {
                let theirs = revoked.iter().find(|(_, record)| concerns(webhook, record));
                let reported = run.affected_runs.tokens.iter().any(|token| concerns(webhook, &token.record));
                if let (Some((hash, record)), false) = (theirs, reported) {
                    let delivery = delivery(webhook, *hash, message(*hash, record, found), None);
                    more.extend(delivery.due_at(now_ms).ok());
                }
            }
        }
        broker.post(more).await?;
        broker.send(due).await
    }
}

fn concerns(webhook: &Webhook, record: &Record) -> bool {
    webhook.is_told(&record.registry, &record.policies)
}

fn delivery(
    webhook: &Webhook,
    hash: TokenHash,
    payload: String,
    pending_on: Option<RevocationRef>,
) -> Delivery {
    let id = format!("leak_{}_{}", TokenId::from(hash).as_str(), webhook.id);
    Delivery { id, webhook: webhook.id.to_string(), payload, attempts: 0, unroutable_attempts: 0, pending_on }
}

impl Broker {
    /// Adds messages to the outbox and returns the ids of those that it rejected as full.
    async fn post(&self, notices: Vec<crate::store::OutboxMessage>) -> Result<HashSet<String>, Denial> {
        if notices.is_empty() {
            return Ok(HashSet::new());
        }
        let post = || self.store.post(notices.clone(), self.bounds.notices);
        let refused = self.with_retry_for(self.bounds.report_patience, post).await?;
        if !refused.is_empty() {
            // The tokens die all the same; that is what matters.
            let count = refused.len();
            tracing::error!(
                count,
                "the outbox is full (`limits.notices`); messages for webhooks were dropped"
            );
            self.metrics.notices_refused(count as u64);
        }
        self.dispatcher.wake.notify_one();
        Ok(refused.into_iter().collect())
    }

    async fn send(&self, due: Vec<crate::store::OutboxMessage>) -> Result<(), Denial> {
        if !due.is_empty() {
            let patience = self.bounds.report_patience;
            self.with_retry_for(patience, || self.store.repost(due.clone())).await?;
            self.dispatcher.wake.notify_one();
        }
        Ok(())
    }

    /// Returns the payload of a message about a token. `revoked` and `suspended` are `None` until it is known.
    fn message(
        &self,
        token: TokenHash,
        record: &Record,
        found: &Found,
        revoked: Option<&[RevokedToken]>,
        suspended: Option<Vec<Arc<str>>>,
    ) -> String {
        let leaked = TokenLeaked {
            token,
            record,
            run_url: self.run_url(record),
            found,
            revoked: revoked.map(|revoked| revoked.iter().map(|(hash, _)| *hash).collect()),
            suspended,
            at_ms: self.clock.now_ms(),
        };
        leaked.payload()
    }

    fn run_url(&self, record: &Record) -> Option<String> {
        let issuer = self.issuers.by_id(&record.issuer)?;
        Identity::recall(&issuer.settings, &record.identity).ok()?.run_url()
    }
}
