//! Lifetimes that no token will have: W125.

use crate::policy::tools::lint::subject::{Finding, Subject};
use crate::toml_reader::Code;

/// The shortest lifetime counts, so a policy cannot lengthen its registry's.
pub(in crate::policy) fn beyond_registrys(subject: &Subject<'_>) -> Vec<Finding> {
    let (registry, ttl) = (subject.registry, subject.policy.limits.token_ttl);
    if ttl.is_none_or(|ttl| ttl <= registry.token_ttl) {
        return Vec::new();
    }
    let message =
        format!("a token of registry \"{}\" lives at most {} seconds", registry.id, registry.token_ttl);
    let help = format!("lower `token_ttl`, or raise that of [registries.{}]", registry.id);
    vec![Finding::new(Code::LongerThanRegistry, message, help)]
}
