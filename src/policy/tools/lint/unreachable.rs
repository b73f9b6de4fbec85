//! Policies that can never grant anything: W111.

use crate::policy::tools::lint::Warn;
use crate::policy::tools::lint::implied::is_implied;
use crate::policy::tools::lint::subject::{Finding, Subject};
use crate::policy::{Deny, Policy, Vocabulary};
use crate::registry::Registry;
use crate::toml_reader::Code;

/// A `[[policy.deny]]` that every identity the policy is about meets.
pub(in crate::policy) fn denies_itself(subject: &Subject<'_>) -> Vec<Finding> {
    let policy = subject.policy;
    let mut denies = policy.denies.iter();
    if !denies.any(|group| group.iter().all(|condition| is_implied(condition, &policy.conditions))) {
        return Vec::new();
    }
    let message = "the policy denies whatever it matches, so it never grants anything";
    vec![Finding::new(Code::Unreachable, message, "narrow its [[policy.deny]], or take the policy out")]
}

/// A ref of one type, and the type of another.
pub(in crate::policy) fn contradicts_itself(subject: &Subject<'_>) -> Vec<Finding> {
    let contradicts = |claim: &str| {
        let types = [("branch", "refs/heads/"), ("tag", "refs/tags/")];
        let condition = subject.narrows(claim)?;
        let (_, prefix) = types.iter().find(|(name, _)| subject.requires("ref_type", name))?;
        let begins =
            |other: &str| condition.any_of.iter().all(|pattern| pattern.to_string().starts_with(other));
        types.iter().any(|(_, other)| other != prefix && begins(other)).then(|| claim.to_owned())
    };
    let finding = |claim: String| {
        let message = format!("`{claim}` is never one of that `ref_type`, so the policy never matches");
        Finding::new(Code::Unreachable, message, "leave out `ref_type`, or fix it").on(&claim)
    };
    ["ref", "ref_path"].into_iter().find_map(contradicts).map(finding).into_iter().collect()
}

/// A top-level `[[deny]]` that takes away all there is.
pub(in crate::policy) fn find(
    policies: &[Policy],
    denies: &[Deny],
    vocabulary: &Vocabulary,
    warn: &mut Warn<'_>,
) {
    for policy in policies {
        let Some(registry) = vocabulary.registries.by_id(&policy.registry) else { continue };
        if denies.iter().any(|deny| takes_all(deny, policy, registry)) {
            let message = "a [[deny]] takes away every package of this policy from anyone who it matches";
            let help = "narrow the [[deny]], or take the policy out";
            warn(policy, Code::Unreachable, message.to_owned(), help.to_owned());
        }
    }
}

fn takes_all(deny: &Deny, policy: &Policy, registry: &Registry) -> bool {
    deny.issuer.as_ref().is_none_or(|issuer| *issuer == policy.issuer)
        && deny.registry.as_ref().is_none_or(|id| *id == policy.registry)
        && deny.conditions.iter().all(|condition| is_implied(condition, &policy.conditions))
        && policy.packages.iter().all(|package| deny.names(package, registry))
}
