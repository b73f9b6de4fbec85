//! What one policy makes of an identity: each condition, and the denies that apply.

use std::sync::Arc;

use serde::Serialize;

use crate::identity::{Claim, Identity};
use crate::policy::{Condition, Mode, Policy};
use crate::text::truncate;

/// The most policies that an explanation lists.
const MOST: usize = 50;

/// One condition, and what it met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The claim's name, or a JSON pointer.
    pub claim: String,
    /// Whether it holds.
    pub holds: bool,
    /// What matches: any of these.
    pub expected: Vec<String>,
    /// What the identity has, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
}

/// Whether a policy has a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has.
    Enforced,
    /// It is in audit mode.
    Audit,
    /// It has expired.
    Expired,
}

/// A policy whose pinned ids are the identity's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// The policy's id.
    pub id: Arc<str>,
    /// Whether it has a say.
    pub state: State,
    /// Whether it allows the identity what it lists.
    pub matches: bool,
    /// All of its conditions, pins and the kind's rules among them.
    pub conditions: Vec<Checked>,
    /// Those of its denies that apply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_by: Vec<Vec<Checked>>,
}

impl Considered {
    /// The conditions that do not hold.
    pub fn failed(&self) -> impl Iterator<Item = &Checked> {
        self.conditions.iter().filter(|condition| !condition.holds)
    }
}

impl Checked {
    pub(in crate::policy) fn in_allow(condition: &Condition, identity: &Identity) -> Self {
        Self::new(condition, identity, condition.allows(identity))
    }

    pub(in crate::policy) fn new(condition: &Condition, identity: &Identity, holds: bool) -> Self {
        Self {
            claim: condition.claim.to_string(),
            holds,
            expected: condition.expected(),
            received: identity.claim(&condition.claim).map(|claim| truncate(shown(claim))),
        }
    }
}

fn consider(policy: &Policy, identity: &Identity, now: u64) -> Considered {
    let state = match policy.mode {
        _ if policy.is_expired(now) => State::Expired,
        Mode::Audit => State::Audit,
        Mode::Enforce => State::Enforced,
    };
    let conditions: Vec<_> =
        policy.conditions.iter().map(|condition| Checked::in_allow(condition, identity)).collect();
    let denied_by: Vec<Vec<_>> = policy
        .denies
        .iter()
        .filter(|group| group.iter().all(|condition| condition.denies(identity)))
        .map(|group| group.iter().map(|condition| Checked::new(condition, identity, true)).collect())
        .collect();
    let all_hold = denied_by.is_empty() && conditions.iter().all(|condition| condition.holds);
    let matches = state == State::Enforced && all_hold;
    Considered { id: Arc::clone(&policy.id), state, matches, conditions, denied_by }
}

/// What each policy makes of the identity, nearest first, and how many are left out.
pub(in crate::policy) fn ranked<'s>(
    candidates: impl Iterator<Item = &'s Policy>,
    identity: &Identity,
    now: u64,
) -> (Vec<(Considered, &'s Policy)>, usize) {
    let mut all: Vec<_> = candidates.map(|policy| (consider(policy, identity, now), policy)).collect();
    // Stable, so that equals stay in the order of their ids.
    all.sort_by_key(|(considered, _)| (considered.state, !considered.matches, considered.failed().count()));
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    (all, more)
}

/// A claim as a person reads it.
fn shown(claim: &Claim) -> String {
    match claim {
        Claim::List(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Claim::Object(_) => "(an object)".to_owned(),
        Claim::Float => "(a fraction)".to_owned(),
        Claim::Null => "(null)".to_owned(),
        Claim::Text(_) | Claim::Int(_) | Claim::Bool(_) => {
            claim.canonical().map_or_else(String::new, std::borrow::Cow::into_owned)
        }
    }
}
