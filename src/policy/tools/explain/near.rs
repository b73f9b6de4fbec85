//! Policies that were not considered because they pin someone else; for operators only.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::identity::Identity;
use crate::policy::tools::explain::{Checked, file_and_line};
use crate::policy::{Policy, Snapshot};
use crate::registry::Registry;

/// The most policies that are listed.
const MOST: usize = 5;

/// A policy of the same issuer and registry whose pins are not the identity's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotConsidered {
    /// The policy's id.
    pub id: Arc<str>,
    /// Where it is written: `file:line`.
    pub at: String,
    /// The pins that differ.
    pub differs: Vec<Checked>,
}

/// The nearest few, and how many more there are.
pub(in crate::policy) fn not_considered(
    snapshot: &Snapshot,
    identity: &Identity,
    registry: &Registry,
) -> (Vec<NotConsidered>, usize) {
    let (mut nearest, mut all) = (BTreeMap::new(), 0_usize);
    let comparable = snapshot
        .iter()
        .filter(|policy| policy.issuer == identity.issuer.id && policy.registry == registry.id);
    for policy in comparable {
        let distance = differing(policy, identity).count();
        if distance == 0 {
            continue;
        }
        all += 1;
        nearest.insert((distance, Arc::clone(&policy.id)), policy);
        if nearest.len() > MOST {
            nearest.pop_last();
        }
    }
    let more = all - nearest.len();
    (nearest.into_values().map(|policy| shown(policy, identity)).collect(), more)
}

/// The names of the pins for which the policy lists no value of the identity's. A policy lists
/// every combination of its pins, so each can be looked at by itself.
fn differing<'i>(policy: &'i Policy, identity: &'i Identity) -> impl Iterator<Item = &'i str> {
    let differs = |claim: &str, value: &str| !policy.pinned(claim).any(|pinned| pinned == value);
    let pins = identity.pins().iter().filter(move |pin| differs(&pin.name, &pin.value));
    pins.map(|pin| pin.name.as_str())
}

fn shown(policy: &Policy, identity: &Identity) -> NotConsidered {
    let conditions = differing(policy, identity)
        .filter_map(|pin| policy.conditions.iter().find(|condition| *condition.claim == *pin));
    NotConsidered {
        id: Arc::clone(&policy.id),
        at: file_and_line(&policy.position),
        differs: conditions.map(|condition| Checked::new(condition, identity, false)).collect(),
    }
}
