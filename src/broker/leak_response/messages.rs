//! What people are told of leaks: kept before the deed, released after it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::revocation::Victim;
use crate::broker::leak_response::affected_runs::{Suspect, Suspects};
use crate::denial::Denial;
use crate::identity::Identity;
use crate::webhooks::{Deed, Found, Parcel, TokenLeaked, Webhook};
use crate::token::{Record, TokenHash, TokenId};

/// The messages about some runs.
pub(in crate::broker) struct Messages<'m> {
    broker: &'m Broker,
    runs: Vec<Run<'m>>,
}

struct Run<'m> {
    suspects: &'m Suspects,
    /// Who is told, about which of the suspects.
    parcels: Vec<(Arc<Webhook>, &'m Suspect, Parcel)>,
}

impl<'m> Messages<'m> {
    /// Each recipient is told of a run once: about the first of the reported tokens that concern it.
    pub(in crate::broker) fn of(broker: &'m Broker, suspects: &'m [Suspects]) -> Self {
        let run = |each: &'m Suspects| {
            let about = |webhook: &Arc<Webhook>| {
                let token = each.tokens.iter().find(|token| concerns(webhook, &token.record))?;
                let deed = Some(Deed::new(each.tag, each.tokens[0].hash));
                let payload = broker.message(token.hash, &token.record, &token.found, None, None);
                Some((Arc::clone(webhook), token, parcel(webhook, token.hash, payload, deed)))
            };
            let told = broker.courier.webhooks.iter().filter(|_| each.are_live);
            Run { suspects: each, parcels: told.filter_map(about).collect() }
        };
        Self { broker, runs: suspects.iter().map(run).collect() }
    }

    /// Keeps them until the deed is done. Those that find no room are told to nobody.
    pub(in crate::broker) async fn hold(&mut self) -> Result<(), Denial> {
        let now_ms = self.broker.clock.now_ms();
        let parcels = self.runs.iter().flat_map(|run| &run.parcels);
        let held: Vec<_> = parcels.filter_map(|(.., parcel)| parcel.held(now_ms).ok()).collect();
        let refused = self.broker.post(held).await?;
        for run in &mut self.runs {
            run.parcels.retain(|(.., parcel)| !refused.contains(&parcel.id));
        }
        Ok(())
    }

    /// Sends them on their way, with what was done. Whoever killed the others has told of it.
    pub(in crate::broker) async fn release(
        self,
        killed: &[Vec<Victim>],
        suspended: &HashSet<Arc<str>>,
    ) -> Result<(), Denial> {
        let broker = self.broker;
        let (mut due, mut more) = (Vec::new(), Vec::new());
        let now_ms = broker.clock.now_ms();
        for (run, killed) in self.runs.into_iter().zip(killed) {
            if killed.is_empty() || !run.suspects.are_live {
                continue;
            }
            let policies: Vec<_> =
                run.suspects.policies().into_iter().filter(|policy| suspended.contains(policy)).collect();
            let message = |hash, record: &Record, found: &Found| {
                broker.message(hash, record, found, Some(killed), Some(policies.clone()))
            };
            let mut told = HashSet::new();
            for (webhook, token, mut parcel) in run.parcels {
                parcel.payload = message(token.hash, &token.record, &token.found);
                parcel.held_for = None;
                due.extend(parcel.due_at(now_ms).ok());
                told.insert(Arc::clone(&webhook.id));
            }
            // Nobody reported these, but they died, and concern somebody too.
            let found = &run.suspects.tokens[0].found;
            for webhook in broker.courier.webhooks.iter().filter(|webhook| !told.contains(&webhook.id)) {
                let theirs = killed.iter().find(|(_, record)| concerns(webhook, record));
                let reported = run.suspects.tokens.iter().any(|token| concerns(webhook, &token.record));
                if let (Some((hash, record)), false) = (theirs, reported) {
                    let parcel = parcel(webhook, *hash, message(*hash, record, found), None);
                    more.extend(parcel.due_at(now_ms).ok());
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

fn parcel(webhook: &Webhook, hash: TokenHash, payload: String, held_for: Option<Deed>) -> Parcel {
    let id = format!("leak_{}_{}", TokenId::from(hash).as_str(), webhook.id);
    Parcel { id, webhook: webhook.id.to_string(), payload, attempts: 0, strayed: 0, held_for }
}

impl Broker {
    /// Keeps messages; which of them found no room.
    async fn post(&self, notices: Vec<crate::store::Notice>) -> Result<HashSet<String>, Denial> {
        if notices.is_empty() {
            return Ok(HashSet::new());
        }
        let post = || self.store.post(notices.clone(), self.bounds.notices);
        let refused = self.insist_for(self.bounds.report_patience, post).await?;
        if !refused.is_empty() {
            // The tokens die all the same; that is what matters.
            let count = refused.len();
            tracing::error!(count, "messages for webhooks found no room within `limits.notices`");
            self.metrics.notices_refused(count as u64);
        }
        self.courier.wake.notify_one();
        Ok(refused.into_iter().collect())
    }

    async fn send(&self, due: Vec<crate::store::Notice>) -> Result<(), Denial> {
        if !due.is_empty() {
            let patience = self.bounds.report_patience;
            self.insist_for(patience, || self.store.repost(due.clone())).await?;
            self.courier.wake.notify_one();
        }
        Ok(())
    }

    /// A message about a token; as long as the deed is not done, nobody knows what died and was suspended.
    fn message(
        &self,
        token: TokenHash,
        record: &Record,
        found: &Found,
        killed: Option<&[Victim]>,
        suspended: Option<Vec<Arc<str>>>,
    ) -> String {
        let leaked = TokenLeaked {
            token,
            record,
            run_url: self.run_url(record),
            found,
            killed: killed.map(|killed| killed.iter().map(|(hash, _)| *hash).collect()),
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
