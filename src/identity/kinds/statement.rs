//! What a token says, read so that it says one thing or nothing.

use std::borrow::Cow;

use crate::denial::{Denial, Reason};
use crate::identity::{Claim, Claims};

/// A claim for derived ones to be computed from, where leaving it out means something.
pub(super) enum Stated<'c> {
    /// Absent or null.
    Not,
    /// Its canonical value.
    As(Cow<'c, str>),
    /// There, and of a type that has no meaning.
    Unreadably,
}

/// Reads such a claim.
pub(super) fn stated<'c>(claims: &'c Claims, name: &str) -> Stated<'c> {
    match claims.at(name).map(Claim::canonical) {
        None => Stated::Not,
        Some(Some(value)) => Stated::As(value),
        Some(None) => Stated::Unreadably,
    }
}

/// Two statements of one token that contradict each other.
pub(super) fn contradiction(claims: &Claims, claim: &'static str, detail: &'static str) -> Denial {
    let denial = Denial::new(Reason::InvalidClaim, detail).claim(claim);
    match claims.at(claim).and_then(Claim::canonical) {
        Some(received) => denial.received(received),
        None => denial,
    }
}

/// Parts `path@ref`. A ref may contain `@` and so may a path; where both readings are possible
/// there is none, because a claim that can be read in two ways opens nothing.
pub(super) fn split_at_ref(text: &str) -> Option<(&str, &str)> {
    match text.matches("@refs/").count() {
        0 => text.rsplit_once('@'),
        1 => text.split_once("@refs/"),
        _ => None,
    }
}
