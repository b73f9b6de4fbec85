//! What is decided about an identity, seen from one policy.

use crate::denial::{Denial, Reason};
use crate::identity::Identity;
use crate::policy::Mode;
use crate::policy::engine::decide::Modes;
use crate::policy::engine::granted::granted;
use crate::policy::tools::testing::identity::Obstacle;
use crate::policy::tools::testing::{Expect, Stage, Test};
use crate::token::Scope;

/// What was said.
pub(in crate::policy) struct Said {
    /// Everything that the policy lists.
    listed: Scope,
    /// The identity, where there can be one.
    pub(in crate::policy) identity: Option<Identity>,
    /// What is granted of that, or why nothing.
    pub(in crate::policy) outcome: Result<Scope, Why>,
}

/// Why nothing is granted.
pub(in crate::policy) enum Why {
    Denied(Denial),
    Untried(String),
}

/// Decides about an identity, on all policies together. A policy in audit mode is tried as it will be
/// once it is enforced.
pub(in crate::policy) fn ask(stage: &Stage<'_>, identity: Result<Identity, Obstacle>) -> Said {
    let (policy, mut listed) = (stage.policy, Scope::default());
    for package in &policy.packages {
        listed.grant(package.clone(), policy.actions);
    }
    let modes = if policy.mode == Mode::Audit { Modes::All } else { Modes::Enforced };
    let (identity, outcome) = match identity {
        Ok(identity) => {
            let granted =
                granted(stage.snapshot, &identity, stage.registry, &policy.packages, stage.now, modes);
            (Some(identity), granted.map_err(Why::Denied))
        }
        Err(Obstacle::Refused(denial)) => (None, Err(Why::Denied(denial))),
        Err(Obstacle::ByHand(what)) => (None, Err(Why::Untried(what))),
    };
    Said { listed, identity, outcome }
}

impl Said {
    /// Whether anything that the policy lists is granted. Another policy may grant other actions.
    pub(in crate::policy) fn allows_something(&self) -> bool {
        let Ok(granted) = &self.outcome else { return false };
        self.listed.iter().any(|(package, actions)| actions.overlaps(granted.actions(package)))
    }

    fn allows_all(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|granted| granted.uncovered(&self.listed).is_empty())
    }

    pub(in crate::policy) fn is_expected(&self, test: &Test) -> bool {
        match (test.expect, &self.outcome) {
            (_, Err(Why::Untried(_))) => false,
            (Expect::Allow, _) => self.allows_all(),
            (Expect::Deny, _) => {
                !self.allows_something() && test.reason.is_none_or(|reason| self.reason() == Some(reason))
            }
        }
    }

    /// Why what the policy lists is not granted.
    fn reason(&self) -> Option<Reason> {
        match &self.outcome {
            Ok(_) => Some(Reason::NotCovered),
            Err(Why::Denied(denial)) => Some(denial.reason),
            Err(Why::Untried(_)) => None,
        }
    }

    pub(in crate::policy) fn expected(&self, test: &Test) -> String {
        match (test.expect, test.reason) {
            (Expect::Allow, _) => format!("allow {}", self.listed),
            (Expect::Deny, None) => "deny".to_owned(),
            (Expect::Deny, Some(reason)) => format!("deny with reason {reason}"),
        }
    }

    pub(in crate::policy) fn in_words(&self) -> String {
        match &self.outcome {
            Ok(granted) if self.allows_something() => format!("allowed {granted}"),
            Ok(granted) => format!("not_covered: only {granted} is granted"),
            Err(Why::Denied(denial)) => denial.to_string(),
            Err(Why::Untried(what)) => what.clone(),
        }
    }
}
