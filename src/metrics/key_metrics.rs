//! Metrics of the keys of issuers and reporters.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::{Declarations, gauge};

type Label = (&'static str, Arc<str>);

/// Metrics of the keys of all issuers, or of all reporters.
#[derive(Debug)]
pub(super) struct KeyMetrics {
    /// `issuer` or `reporter`: the label, and a part of the names.
    owner: &'static str,
    usable: Family<[Label; 1], Gauge>,
    age: Family<[Label; 1], Gauge>,
    fetches: Family<[Label; 2], Counter>,
}

impl KeyMetrics {
    /// Declares the metrics of one kind of owner, such as `issuer`.
    pub(super) fn declare(declare: &mut Declarations, owner: &'static str) -> Self {
        Self {
            owner,
            usable: declare.metric(format!("{owner}_keys"), format!("Usable keys of the {owner}")),
            age: declare.seconds(format!("{owner}_keys_age"), format!("Age of the {owner}'s keys")),
            fetches: declare
                .metric(format!("{owner}_fetches"), format!("Fetches of the {owner}'s keys, by result")),
        }
    }

    /// Sets how many keys of an owner are usable, their age in seconds, and the number of fetches by result.
    pub(super) fn show(
        &self,
        name: &Arc<str>,
        usable: usize,
        age: Option<u64>,
        fetches: impl IntoIterator<Item = (&'static str, u64)>,
    ) {
        let labels = [(self.owner, Arc::clone(name))];
        self.usable.get_or_create(&labels).set(gauge(usable));
        if let Some(age) = age {
            self.age.get_or_create(&labels).set(gauge(age));
        }
        let [label] = labels;
        for (result, count) in fetches {
            let counter = self.fetches.get_or_create(&[label.clone(), ("result", result.into())]);
            counter.inner().store(count, Ordering::Relaxed);
        }
    }
}
