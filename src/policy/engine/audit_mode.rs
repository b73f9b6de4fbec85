//! What policies in audit mode would have changed, had they been enforced.

use std::sync::Arc;

use crate::denial::{Denial, Reason};
use crate::identity::Identity;
use crate::policy::engine::decide::{Modes, decide_among};
use crate::policy::{Grant, Mode, RequestedScope, Snapshot};
use crate::registry::Registry;
use crate::token::Scope;

/// How a decision would have ended with the policies in audit mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditModeResult {
    /// The policies in audit mode that would have contributed, ordered by id.
    pub policies: Vec<Arc<str>>,
    /// What would have been granted, or why nothing.
    pub outcome: Result<Scope, Reason>,
}

/// Decides once more, as if policies in audit mode were enforced. `None` if that changes nothing.
pub fn evaluate_audit_mode(
    snapshot: &Snapshot,
    identity: &Identity,
    registry: &Registry,
    wanted: RequestedScope<'_>,
    now: u64,
    decided: &Result<Grant, Denial>,
) -> Option<AuditModeResult> {
    let audited: Vec<_> =
        snapshot.candidates(identity, registry).filter(|policy| policy.mode == Mode::Audit).collect();
    if audited.is_empty() {
        return None;
    }
    match (decide_among(snapshot, identity, registry, wanted, now, Modes::All), decided) {
        (Ok(mut grant), _) => {
            grant.policies.retain(|id| audited.iter().any(|policy| policy.id == *id));
            let policies = grant.policies;
            (!policies.is_empty()).then_some(AuditModeResult { policies, outcome: Ok(grant.scope) })
        }
        (Err(denial), Ok(_)) => {
            // Which of them is to blame is told by none; each has a say.
            let policies = audited.iter().map(|policy| Arc::clone(&policy.id)).collect();
            Some(AuditModeResult { policies, outcome: Err(denial.reason) })
        }
        (Err(_), Err(_)) => None,
    }
}
