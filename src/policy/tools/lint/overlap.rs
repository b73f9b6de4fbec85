//! Policies that say the same twice: W110.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use crate::policy::tools::lint::Warn;
use crate::policy::tools::lint::implied::are_disjoint;
use crate::policy::{Policy, Vocabulary};
use crate::toml_reader::Code;

/// With how many of those before it a policy is compared, for each identity and package.
const MOST_COMPARED: usize = 8;

/// Two policies that let the same run do the same to the same package: taking one away, or a deny in
/// one, does not stop it.
pub(in crate::policy) fn find(policies: &[Policy], vocabulary: &Vocabulary, warn: &mut Warn<'_>) {
    let hasher = RandomState::new();
    // Most identities and packages have one policy, so only the others cost a list.
    let mut first: HashMap<u64, u32> = HashMap::with_capacity(policies.len());
    let mut more: HashMap<u64, Vec<u32>> = HashMap::new();
    for (index, policy) in (0..).zip(policies) {
        let mut told = false;
        let pinned = vocabulary.issuers.get(&policy.issuer).map_or(&[][..], |issuer| &issuer.pins);
        for pins in &policy.pin_combinations(pinned) {
            for package in &policy.packages {
                let key = hasher.hash_one((&policy.issuer, &policy.registry, pins, package.as_str()));
                let Some(other) = first.get(&key) else {
                    first.insert(key, index);
                    continue;
                };
                let group = more.entry(key).or_default();
                let others = std::iter::once(other).chain(group.iter());
                let twin =
                    others.map(|other| &policies[*other as usize]).find(|other| overlap(policy, other));
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
    // One that is tried beside the other is meant to be about the same.
    one.id != other.id
        && one.mode == other.mode
        && one.actions.overlaps(other.actions)
        && !are_disjoint(&one.conditions, &other.conditions)
}
