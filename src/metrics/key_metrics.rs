//! What is measured about somebody's keys.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::gauge::gauge;

type Label = (&'static str, Arc<str>);

/// The keys of everybody who is the same to us, such as an issuer.
#[derive(Debug)]
pub(super) struct KeyMetrics {
    /// What they are to us: the label, and a part of the names.
    whose: &'static str,
    usable: Family<[Label; 1], Gauge>,
    age: Family<[Label; 1], Gauge>,
    fetches: Family<[Label; 2], Counter>,
}

impl KeyMetrics {
    pub(super) fn new(whose: &'static str) -> Self {
        Self { whose, usable: Family::default(), age: Family::default(), fetches: Family::default() }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let whose = self.whose;
        registry.register(
            format!("{whose}_keys"),
            format!("Keys of the {whose} that serve"),
            self.usable.clone(),
        );
        registry.register_with_unit(
            format!("{whose}_keys_age"),
            format!("Since the {whose}'s keys were had from it or from their file"),
            Unit::Seconds,
            self.age.clone(),
        );
        registry.register(
            format!("{whose}_fetches"),
            format!("Fetches of the {whose}'s keys, by result"),
            self.fetches.clone(),
        );
    }

    pub(super) fn show(
        &self,
        name: &Arc<str>,
        usable: usize,
        age: Option<u64>,
        fetches: impl IntoIterator<Item = (&'static str, u64)>,
    ) {
        let labels = [(self.whose, Arc::clone(name))];
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
