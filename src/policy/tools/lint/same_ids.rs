//! Ids that mean someone else at another issuer: W121.

use std::collections::HashMap;

use crate::identity::kinds::Shape;
use crate::policy::tools::lint::Warn;
use crate::policy::{Policy, Vocabulary};
use crate::toml_reader::Code;

/// Each server of a platform that one can host counts ids from one, so the same ids at two issuers of
/// a kind are two projects, and a policy that was copied from one to the other is about a stranger.
pub(in crate::policy) fn find(policies: &[Policy], vocabulary: &Vocabulary, warn: &mut Warn<'_>) {
    let mut seen: HashMap<(&str, Vec<&str>), &Policy> = HashMap::new();
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    for issuer in vocabulary.issuers.values() {
        *kinds.entry(issuer.kind.name).or_default() += 1;
    }
    for policy in policies {
        let Some(issuer) = vocabulary.issuers.get(&policy.issuer) else { continue };
        let counts = issuer.pins.iter().all(|pin| issuer.kind.shape(pin) == Some(Shape::Number));
        if !counts || kinds.get(issuer.kind.name).is_none_or(|issuers| *issuers < 2) {
            continue;
        }
        for pins in policy.pin_combinations(&issuer.pins) {
            let other = *seen.entry((issuer.kind.name, pins)).or_insert(policy);
            if other.issuer != policy.issuer {
                let message = format!(
                    "policy \"{}\", at {}, pins the same ids at issuer \"{}\"; here they are someone else's",
                    other.id, other.position, other.issuer
                );
                let help = format!("look up the ids at \"{}\"", policy.issuer);
                warn(policy, Code::SameIdsElsewhere, message, help);
                break;
            }
        }
    }
}
