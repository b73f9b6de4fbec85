//! Why a decision falls as it does.
//!
//! There are two views, told apart by type so that nothing can slip from one into the other:
//! [`CallersView`] is what the holder of an ID token may know, which is nothing about policies whose
//! pinned ids are not its own, and no file; [`Explanation`] is what an operator may. The decision in
//! both is [`decide()`]'s own.

mod considered;
mod decision;
mod fix;
mod near;

use std::sync::Arc;

use serde::Serialize;

pub use considered::{Checked, Considered, State};
pub use decision::{Decision, ShownGrant};
pub use fix::Fix;
pub use near::NotConsidered;

use crate::denial::Reason;
use crate::identity::Identity;
use crate::policy::decide;
use crate::policy::tools::explain::considered::ranked;
use crate::policy::{Deny, Mode, Policy, RequestedScope, Snapshot};
use crate::registry::Registry;
use crate::toml_reader::Position;

/// What the holder of an ID token may know.
#[derive(Clone, Debug, Serialize)]
pub struct CallersView {
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// Policies whose pinned ids are the caller's, nearest first.
    pub policies: Vec<Considered>,
    /// How many more there are.
    pub more_policies: usize,
}

/// What an operator may know.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The issuer's id.
    pub issuer: Arc<str>,
    /// The identity's stable name, `<issuer id>|<pinned ids>`.
    pub subject: Arc<str>,
    /// The registry's id.
    pub registry: Arc<str>,
    /// The snapshot that decided.
    pub digest: Arc<str>,
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// Policies whose pinned ids are the identity's, nearest first.
    pub policies: Vec<Placed>,
    /// How many more there are.
    pub more_policies: usize,
    /// Top-level denies that apply.
    pub denies: Vec<AppliedDeny>,
    /// Policies of the same issuer and registry whose pins differ, nearest first.
    pub not_considered: Vec<NotConsidered>,
    /// How many more there are.
    pub more_not_considered: usize,
    /// What would change a denial.
    pub fixes: Vec<Fix>,
}

/// A policy that was considered, and where it is written.
#[derive(Clone, Debug, Serialize)]
pub struct Placed {
    /// What was found.
    #[serde(flatten)]
    pub considered: Considered,
    /// Where the policy begins: `file:line`.
    pub at: String,
    /// Where each condition is written, in their order; a rule of the issuer's kind is nowhere.
    pub conditions_at: Vec<Option<String>>,
}

/// A top-level deny that applies.
#[derive(Clone, Debug, Serialize)]
pub struct AppliedDeny {
    /// Where it is written: `file:line`.
    pub at: String,
    /// The packages it takes away; empty: all.
    pub packages: Vec<String>,
}

/// Explains a decision at an instant, in seconds since the epoch, to anyone who holds the ID token.
pub fn explain_to_caller(
    snapshot: &Snapshot,
    identity: &Identity,
    registry: &Registry,
    wanted: RequestedScope<'_>,
    now: u64,
) -> CallersView {
    let decided = decide(snapshot, identity, registry, wanted, now);
    let decision = Decision::of(&decided, now);
    // Such a run has the repository's ids and may be a stranger's.
    let is_strangers = decided.is_err_and(|denial| denial.reason == Reason::DangerousEvent);
    // Of what is only being tried out, no one is told yet.
    let is_told = |policy: &&Policy| !is_strangers && policy.mode == Mode::Enforce;
    let enforced = snapshot.candidates(identity, registry).filter(is_told);
    let (ranked, more_policies) = ranked(enforced, identity, now);
    let policies = ranked.into_iter().map(|(considered, _)| considered).collect();
    CallersView { decision, policies, more_policies }
}

/// Explains a decision at an instant to an operator. Looks at every policy, so it is not for strangers.
pub fn explain(
    snapshot: &Snapshot,
    identity: &Identity,
    registry: &Registry,
    wanted: RequestedScope<'_>,
    now: u64,
) -> Explanation {
    let outcome = decide(snapshot, identity, registry, wanted, now);
    let (ranked, more_policies) = ranked(snapshot.candidates(identity, registry), identity, now);
    let denies: Vec<&Deny> =
        snapshot.denies().iter().filter(|deny| deny.applies(identity, registry)).collect();
    let (near, more_not_considered) = near::not_considered(snapshot, identity, registry);
    let fixes = match &outcome {
        Ok(_) => Vec::new(),
        Err(denial) => fix::fixes(denial, identity, &ranked, &denies, &near),
    };
    Explanation {
        issuer: Arc::clone(&identity.issuer.id),
        subject: Arc::clone(identity.subject()),
        registry: Arc::clone(&registry.id),
        digest: Arc::clone(&snapshot.digest().0),
        decision: Decision::of(&outcome, now),
        policies: ranked.into_iter().map(placed).collect(),
        more_policies,
        denies: denies.into_iter().map(applied).collect(),
        not_considered: near,
        more_not_considered,
        fixes,
    }
}

fn placed((considered, policy): (Considered, &Policy)) -> Placed {
    let at = |line: std::num::NonZeroU32| format!("{}:{line}", policy.position.file);
    let conditions_at = policy.conditions.iter().map(|condition| condition.line.map(at)).collect();
    Placed { considered, at: file_and_line(&policy.position), conditions_at }
}

fn applied(deny: &Deny) -> AppliedDeny {
    AppliedDeny { at: file_and_line(&deny.position), packages: deny.packages.clone() }
}

fn file_and_line(position: &Position) -> String {
    format!("{}:{}", position.file, position.line)
}
