//! Times and memory.

use std::fs;
use std::hint::black_box;
use std::time::Instant;

use trustmint::identity::Identity;
use trustmint::policy::{Snapshot, decide};
use trustmint::registry::Registry;

use crate::Outcome;
use crate::generate::Stage;

/// When decisions are made; nothing expires.
const NOW: u64 = 1_800_000_000;

/// Identities that are decided about, one after the other.
pub(crate) struct Decisions<'s> {
    snapshot: &'s Snapshot,
    registry: &'s Registry,
    identities: Vec<Identity>,
}

impl<'s> Decisions<'s> {
    /// About the identities of these policies.
    pub(crate) fn new(stage: &'s Stage, snapshot: &'s Snapshot, numbers: Vec<usize>) -> Outcome<Self> {
        let registry = stage.config.registries.only().ok_or("no registry")?;
        let identities = numbers.into_iter().map(|number| stage.identity(number)).collect::<Outcome<_>>()?;
        Ok(Self { snapshot, registry, identities })
    }

    /// The nanoseconds of one decision, of so many.
    pub(crate) fn decide(&self, decisions: usize) -> Outcome<f64> {
        let begun = Instant::now();
        for identity in self.identities.iter().cycle().take(decisions) {
            let grant = decide(self.snapshot, black_box(identity), self.registry, None, NOW);
            let granted = grant.map_err(|denial| denial.to_string())?.scope.len();
            if granted != 1 {
                return Err(format!("{granted} packages were granted").into());
            }
        }
        Ok(begun.elapsed().as_secs_f64() * 1e9 / decisions as f64)
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
