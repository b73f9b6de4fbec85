//! The active policies, as every use case sees them, and whether newer ones were refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use crate::policy::Snapshot;

/// The active snapshot. It is replaced as a whole, and anyone who has loaded it keeps it to the end of
/// a decision.
#[derive(Debug)]
pub struct Policies {
    active: ArcSwap<Snapshot>,
    activated_ms: AtomicU64,
    refused: ArcSwapOption<FailedReload>,
}

/// Newer policies that were not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedReload {
    /// Since when the newest files are not the active ones, in milliseconds since the epoch.
    pub since_ms: u64,
    /// How many findings there are.
    pub findings: usize,
    /// The first of them.
    pub first: String,
}

impl Policies {
    /// Policies that are active from now on, an instant in milliseconds since the epoch.
    pub fn new(snapshot: Snapshot, now_ms: u64) -> Self {
        Self {
            active: ArcSwap::from_pointee(snapshot),
            activated_ms: AtomicU64::new(now_ms),
            refused: ArcSwapOption::empty(),
        }
    }

    /// The active snapshot.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.active.load()
    }

    /// Since when it is active, in milliseconds since the epoch.
    pub fn activated_ms(&self) -> u64 {
        self.activated_ms.load(Ordering::Relaxed)
    }

    /// What is wrong with the newest files, if they are not the active ones.
    pub fn refused(&self) -> Option<Arc<FailedReload>> {
        self.refused.load_full()
    }

    /// Replaces the snapshot, and returns the one before.
    pub fn activate(&self, snapshot: Snapshot, now_ms: u64) -> Arc<Snapshot> {
        let before = self.active.swap(Arc::new(snapshot));
        self.activated_ms.store(now_ms, Ordering::Relaxed);
        self.refused.store(None);
        before
    }

    /// Notes that the newest files are not loaded. They have not been since the first of the
    /// refusals that follow each other.
    pub fn refuse(&self, mut refused: FailedReload) {
        if let Some(earlier) = &*self.refused.load() {
            refused.since_ms = earlier.since_ms;
        }
        self.refused.store(Some(Arc::new(refused)));
    }
}
