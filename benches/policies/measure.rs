//! Times and memory.

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trustmint::identity::{Identity, IssuerSettings};
use trustmint::policy::{RequestedScope, Snapshot, decide};
use trustmint::registry::Registry;

use crate::Outcome;
use crate::generate::{Stage, payload};

/// When decisions are made; nothing expires.
const NOW: u64 = 1_800_000_000;

/// Identities that are decided about, one after the other.
pub(crate) struct Decisions<'s> {
    snapshot: &'s Snapshot,
    registry: &'s Registry,
    issuer: &'s Arc<IssuerSettings>,
    payloads: Vec<String>,
}

/// The nanoseconds of one decision.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    /// Of the decision by itself.
    pub(crate) alone: f64,
    /// With reading the identity before it, as an introspection under other policies does.
    pub(crate) with_identity: f64,
}

impl<'s> Decisions<'s> {
    /// About the identities of these policies.
    pub(crate) fn new(stage: &'s Stage, snapshot: &'s Snapshot, numbers: Vec<usize>) -> Outcome<Self> {
        let registry = stage.config.registries.only().ok_or("no registry")?;
        let issuer = &stage.config.issuers.by_id("github").ok_or("no issuer")?.settings;
        Ok(Self { snapshot, registry, issuer, payloads: numbers.into_iter().map(payload).collect() })
    }

    /// The mean of so many decisions. Each is about an identity that was just read, as in service.
    pub(crate) fn decide(&self, decisions: usize) -> Outcome<Took> {
        let (mut alone, mut with_identity) = (Duration::ZERO, Duration::ZERO);
        for payload in self.payloads.iter().cycle().take(decisions) {
            let begun = Instant::now();
            let identity = Identity::recall(self.issuer, payload).map_err(|denial| denial.to_string())?;
            let read = Instant::now();
            let grant =
                decide(self.snapshot, black_box(&identity), self.registry, RequestedScope::Everything, NOW);
            let done = Instant::now();
            alone += done - read;
            with_identity += done - begun;
            let granted = grant.map_err(|denial| denial.to_string())?.scope.len();
            if granted != 1 {
                return Err(format!("{granted} packages were granted").into());
            }
        }
        let mean = |time: Duration| time.as_secs_f64() * 1e9 / decisions as f64;
        Ok(Took { alone: mean(alone), with_identity: mean(with_identity) })
    }
}

/// The memory of this process, in bytes: what it has, and what it had at most.
pub(crate) fn memory() -> Outcome<(usize, usize)> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> Outcome<usize> {
        let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such field")?;
        let kilobytes: usize = line.split_whitespace().nth(1).ok_or("no value")?.parse()?;
        Ok(kilobytes * 1024)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// The middle of the values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
