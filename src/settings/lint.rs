//! What need attention in a configuration that is not wrong.

use crate::identity::kinds::ISSUER_RETIRES;
use crate::identity::{IssuerSettings, Issuers};
use crate::toml_reader::{Code, Section, Warnings};

/// Above this, in seconds, an ID token that leaked in a log is good for too long.
const LONG_MAX_AGE: u64 = 3600;

pub(super) fn issuers(root: &Section<'_>, issuers: &Issuers, warnings: &mut Warnings) {
    for (name, section) in root.sections("issuers") {
        warnings.read_accept(&section);
        if let Some(issuer) = issuers.by_id(name.value) {
            long_max_age(&section, &issuer.settings, warnings);
            retiring(&section, &issuer.settings, warnings);
        }
    }
}

fn long_max_age(section: &Section<'_>, issuer: &IssuerSettings, warnings: &mut Warnings) {
    if issuer.max_age <= LONG_MAX_AGE {
        return;
    }
    let span = section.string("max_age").map_or_else(|| section.span().clone(), |written| written.span);
    let message = format!("an ID token of \"{}\" is accepted for more than an hour", issuer.id);
    let help = "let the job fetch its ID token right before it publishes, and lower `max_age`".to_owned();
    warnings.warn(Code::LongMaxAge, &section.position(), section.position_of(&span), message, help);
}

fn retiring(section: &Section<'_>, issuer: &IssuerSettings, warnings: &mut Warnings) {
    let notes = (issuer.kind.guidance.notes)(&issuer.url);
    let Some(caution) = notes.iter().find(|caution| caution.code == ISSUER_RETIRES) else { return };
    let span = section.string("url").map_or_else(|| section.span().clone(), |written| written.span);
    let (owner, at) = (section.position(), section.position_of(&span));
    warnings.warn(Code::RetiringIssuer, &owner, at, caution.text, None);
}
