//! Events that strangers can cause: W104.

use crate::identity::kinds::EventRule;
use crate::policy::tools::lint::implied::matches;
use crate::policy::tools::lint::subject::{Finding, Subject};
use crate::toml_reader::Code;

pub(in crate::policy) fn from_outside(subject: &Subject<'_>) -> Vec<Finding> {
    subject.issuer.kind.events.iter().filter_map(|rule| of_claim(subject, rule)).collect()
}

fn of_claim(subject: &Subject<'_>, rule: &EventRule) -> Option<Finding> {
    let condition = subject.on(rule.claim)?;
    let allowed = rule.forbidden.iter().filter(|event| subject.issuer.allows_event(event));
    let risky = rule.risky.iter().chain(allowed);
    let named: Vec<_> = risky.copied().filter(|event| matches(condition, event)).collect();
    if named.is_empty() {
        return None;
    }
    let message = format!("someone from outside can cause \"{}\"", named.join("\", \""));
    Some(Finding::new(Code::RiskyEvent, message, rule.advice).on(rule.claim))
}
