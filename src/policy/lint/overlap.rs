//! Policies that say the same twice: W110.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::Warn;
use super::implied::are_disjoint;
use crate::document::Code;
use crate::policy::Policy;

/// With how many of those before it a policy is compared, for each identity and package.
const MOST_COMPARED: usize = 8;

/// Two policies that let the same run do the same to the same package: taking one away, or a deny in
/// one, does not stop it.
pub(super) fn find(policies: &[Policy], warn: &mut Warn<'_>) {
    let hasher = RandomState::new();
    let mut earlier: HashMap<u64, Vec<u32>> = HashMap::with_capacity(policies.len());
    for (index, policy) in (0..).zip(policies) {
        let mut told = false;
        for pins in &policy.pins {
            for package in &policy.packages {
                let key = hasher.hash_one((&policy.issuer, &policy.registry, pins, package.as_str()));
                let group = earlier.entry(key).or_default();
                let others = group.iter().map(|other| &policies[*other as usize]);
                let twin = others.into_iter().find(|other| overlap(policy, other));
                if let Some(twin) = twin.filter(|_| !told) {
                    let message = format!(
                        "a run of policy \"{}\", at {}, may publish \"{package}\" by this one too",
                        twin.id, twin.position
                    );
                    let help = "take the package out of one, or make their conditions exclude each other";
                    warn(policy, Code::Overlap, message, help.to_owned());
                    told = true;
                }
                if group.len() < MOST_COMPARED && group.last() != Some(&index) {
                    group.push(index);
                }
            }
        }
    }
}

/// Whether a run can meet both. That they share identity and package is known.
fn overlap(one: &Policy, other: &Policy) -> bool {
    one.id != other.id
        && one.actions.overlaps(other.actions)
        && !are_disjoint(&one.conditions, &other.conditions)
}
