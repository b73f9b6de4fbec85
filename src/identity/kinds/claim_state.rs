//! Claims and parts of claims, read so that each has one meaning or none.

use std::borrow::Cow;

use crate::denial::{Denial, Reason};
use crate::identity::{Claim, Claims};

/// The state of a claim whose absence has a meaning.
pub(super) enum ClaimState<'c> {
    /// Absent or null.
    Absent,
    /// Its canonical value.
    Value(Cow<'c, str>),
    /// Present, with a type that has no meaning.
    Invalid,
}

/// Returns the state of a claim.
pub(super) fn claim_state<'c>(claims: &'c Claims, name: &str) -> ClaimState<'c> {
    match claims.at(name).map(Claim::canonical) {
        None => ClaimState::Absent,
        Some(Some(value)) => ClaimState::Value(value),
        Some(None) => ClaimState::Invalid,
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
