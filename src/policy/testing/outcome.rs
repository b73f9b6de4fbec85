//! What is decided about an identity, seen from one policy.

use super::identity::Obstacle;
use super::{Expect, Stage, Test};
use crate::denial::{Denial, Reason};
use crate::identity::Identity;
use crate::policy::{Grant, decide};
use crate::token::Scope;

/// What was said.
pub(super) struct Said {
    /// Everything that the policy lists.
    listed: Scope,
    /// The identity, where there can be one.
    pub(super) identity: Option<Identity>,
    /// The decision, or why there is no identity to decide about.
    pub(super) outcome: Result<Grant, Why>,
}

/// Why there is no grant.
pub(super) enum Why {
    Denied(Denial),
    Untried(String),
}

/// Decides about an identity, on all policies together.
pub(super) fn ask(stage: &Stage<'_>, identity: Result<Identity, Obstacle>) -> Said {
    let mut listed = Scope::default();
    for package in &stage.policy.packages {
        listed.grant(package.clone(), stage.policy.actions);
    }
    let (identity, outcome) = match identity {
        Ok(identity) => {
            let outcome = decide(stage.snapshot, &identity, stage.registry, None).map_err(Why::Denied);
            (Some(identity), outcome)
        }
        Err(Obstacle::Refused(denial)) => (None, Err(Why::Denied(denial))),
        Err(Obstacle::ByHand(what)) => (None, Err(Why::Untried(what))),
    };
    Said { listed, identity, outcome }
}

impl Said {
    /// Whether anything that the policy lists is granted.
    pub(super) fn allows_something(&self) -> bool {
        let Ok(grant) = &self.outcome else { return false };
        self.listed.iter().any(|(package, actions)| actions.overlaps(grant.scope.actions(package)))
    }

    fn allows_all(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|grant| grant.scope.uncovered(&self.listed).is_empty())
    }

    pub(super) fn is_expected(&self, test: &Test) -> bool {
        match (test.expect, &self.outcome) {
            (_, Err(Why::Untried(_))) => false,
            (Expect::Allow, _) => self.allows_all(),
            (Expect::Deny, _) => {
                !self.allows_something() && test.reason.is_none_or(|reason| self.reason() == Some(reason))
            }
        }
    }

    /// Why what the policy lists is not granted. Who gets something else would ask in vain for this.
    pub(super) fn reason(&self) -> Option<Reason> {
        match &self.outcome {
            Ok(_) if self.allows_all() => None,
            Ok(_) => Some(Reason::NotCovered),
            Err(Why::Denied(denial)) => Some(denial.reason),
            Err(Why::Untried(_)) => None,
        }
    }

    pub(super) fn expected(&self, test: &Test) -> String {
        match (test.expect, test.reason) {
            (Expect::Allow, _) => format!("allow {}", self.listed),
            (Expect::Deny, None) => "deny".to_owned(),
            (Expect::Deny, Some(reason)) => format!("deny with reason {reason}"),
        }
    }

    pub(super) fn in_words(&self) -> String {
        match &self.outcome {
            Ok(grant) if self.allows_something() => format!("allowed {}", grant.scope),
            Ok(grant) => format!("not_covered: only {} is granted", grant.scope),
            Err(Why::Denied(denial)) => denial.to_string(),
            Err(Why::Untried(what)) => what.clone(),
        }
    }
}
