//! Reading the pins of a policy: the claims that fix whom it is about.

use std::ops::Range;

use crate::document::{Code, Section};
use crate::identity::IssuerSettings;
use crate::policy::{Condition, Pattern};

/// How many combinations of pins one policy may list.
const MAX_PIN_COMBINATIONS: usize = 256;

/// Each issuer's pins must be there, exact; returns every combination of values.
pub(super) fn pin_combinations(
    section: &Section<'_>,
    span: &Range<usize>,
    issuer: &IssuerSettings,
    conditions: &[Condition],
) -> Option<Vec<Vec<String>>> {
    let mut combinations = vec![Vec::new()];
    let mut complete = true;
    for pin in &issuer.pins {
        let Some(condition) = conditions.iter().find(|condition| condition.claim == *pin) else {
            section.report(
                Code::MissingPin,
                span,
                format!(
                    "[{}.match] does not pin `{pin}`: names can be taken over, ids cannot",
                    section.path()
                ),
                format!(
                    "write `{pin} = \"…\"`; every policy of issuer \"{}\" pins {}",
                    issuer.id,
                    issuer.pins.join(" and ")
                ),
            );
            complete = false;
            continue;
        };
        let exact: Option<Vec<_>> = condition
            .any_of
            .iter()
            .map(|pattern| match pattern {
                Pattern::Exact(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        let Some(exact) = exact else {
            let message = format!("`{pin}` is pinned, so it must be an exact value");
            section.report(Code::InexactPin, span, message, None);
            complete = false;
            continue;
        };
        combinations = combinations
            .iter()
            .flat_map(|head: &Vec<String>| {
                exact.iter().map(move |value| [head.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
        if combinations.len() > MAX_PIN_COMBINATIONS {
            section.report(
                Code::OutOfBounds,
                span,
                format!("this policy pins more than {MAX_PIN_COMBINATIONS} combinations"),
                "write several policies".to_owned(),
            );
            return None;
        }
    }
    complete.then_some(combinations)
}
