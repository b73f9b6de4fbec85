//! What need attention in policies that are not wrong. A small file for each family of rules.
//!
//! Most rules look at one policy, with its text at hand, while its file is read; the others look at
//! all policies together. Rules about a platform's own claims are data of its kind, told by
//! [`advice`]. Each finding has a code, which `docs/lint.md` explains.

mod advice;
mod events;
mod expiry;
mod implied;
mod lifetime;
mod names;
mod overlap;
mod refs;
mod runners;
mod same_ids;
mod subject;
mod unreachable;

pub(in crate::policy) use crate::policy::tools::lint::expiry::at;
use crate::policy::tools::lint::subject::{Finding, Subject};
use crate::policy::{Deny, Policy, Vocabulary};
use crate::toml_reader::{Code, Section, Warnings};

/// The rules about one policy.
const RULES: [fn(&Subject<'_>) -> Vec<Finding>; 10] = [
    advice::followed,
    events::from_outside,
    lifetime::beyond_registrys,
    names::only_subject,
    names::subject_form,
    names::name_without_id,
    refs::any_tag,
    runners::public_self_hosted,
    unreachable::denies_itself,
    unreachable::contradicts_itself,
];

/// Looks at the policies of one file, which were read from this document without an error.
pub(in crate::policy) fn file(
    root: &Section<'_>,
    policies: &[Policy],
    vocabulary: &Vocabulary,
    warnings: &mut Warnings,
) {
    let mut policies = policies.iter().peekable();
    for section in &root.list("policy") {
        // One that is switched off is not among them.
        let is_read = |policy: &&Policy| policy.position == section.position();
        let Some(policy) = policies.next_if(is_read) else { continue };
        warnings.read_accept(section);
        expiry::prepare(policy, warnings);
        let Some(subject) = Subject::new(section, policy, vocabulary) else { continue };
        for finding in RULES.iter().flat_map(|rule| rule(&subject)) {
            let at = subject.place_of(&finding);
            warnings.warn(finding.code, &policy.position, at, finding.message, finding.help);
        }
    }
}

/// Looks at all policies together.
pub(in crate::policy) fn together(
    policies: &[Policy],
    denies: &[Deny],
    vocabulary: &Vocabulary,
    warnings: &mut Warnings,
) {
    let mut warn = |policy: &Policy, code: Code, message: String, help: String| {
        warnings.warn(code, &policy.position, policy.position.clone(), message, help);
    };
    overlap::find(policies, vocabulary, &mut warn);
    same_ids::find(policies, vocabulary, &mut warn);
    unreachable::find(policies, denies, vocabulary, &mut warn);
}

/// Where rules about all policies put what they find: the policy, the code, the message, the help.
type Warn<'w> = dyn FnMut(&Policy, Code, String, String) + 'w;
