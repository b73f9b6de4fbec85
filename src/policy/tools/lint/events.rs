//! Events that strangers can cause: W104.

use crate::identity::kinds::Events;
use crate::policy::tools::lint::implied::matches;
use crate::policy::tools::lint::subject::{Finding, Subject};
use crate::toml_reader::Code;

pub(in crate::policy) fn from_outside(subject: &Subject<'_>) -> Vec<Finding> {
    subject.issuer.kind.events.iter().filter_map(|events| of_claim(subject, events)).collect()
}

fn of_claim(subject: &Subject<'_>, events: &Events) -> Option<Finding> {
    let condition = subject.on(events.claim)?;
    let allowed = events.never.iter().filter(|event| subject.issuer.allows_event(event));
    let risky = subject.issuer.kind.risky_events.iter().chain(allowed);
    let named: Vec<_> = risky.copied().filter(|event| matches(condition, event)).collect();
    if named.is_empty() {
        return None;
    }
    let message = format!("somebody from outside can cause \"{}\"", named.join("\", \""));
    Some(Finding::new(Code::RiskyEvent, message, events.advice).on(events.claim))
}
