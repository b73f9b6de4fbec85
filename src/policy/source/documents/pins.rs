//! Reading the pins of a policy: the claims that fix whom it is about.

use std::ops::Range;

use crate::identity::IssuerSettings;
use crate::policy::Condition;
use crate::toml_reader::{Code, Section};

/// How many combinations of pins one policy may list.
const MAX_PIN_COMBINATIONS: usize = 256;

/// Each of the issuer's pins must be there, exact, and not with too many values.
pub(in crate::policy) fn check_pins(
    section: &Section<'_>,
    span: &Range<usize>,
    issuer: &IssuerSettings,
    conditions: &[Condition],
) {
    let mut combinations: usize = 1;
    for pin in &issuer.pins {
        let Some(condition) = conditions.iter().find(|condition| *condition.claim == **pin) else {
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
            continue;
        };
        if condition.any_of.iter().any(|pattern| pattern.exact().is_none()) {
            let message = format!("`{pin}` is pinned, so it must be an exact value");
            section.report(Code::InexactPin, span, message, None);
            continue;
        }
        combinations = combinations.saturating_mul(condition.any_of.len());
    }
    if combinations > MAX_PIN_COMBINATIONS {
        section.report(
            Code::OutOfBounds,
            span,
            format!("this policy pins more than {MAX_PIN_COMBINATIONS} combinations"),
            "write several policies".to_owned(),
        );
    }
}
