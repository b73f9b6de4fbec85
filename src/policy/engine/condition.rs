//! One condition on one claim.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::identity::{Claim, Identity};
use crate::policy::Glob;

/// A claim and the patterns of which one must match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition {
    /// The claim's name, or a JSON pointer.
    pub claim: Arc<str>,
    /// Any of these.
    pub any_of: Arc<[Pattern]>,
    /// Whether the platform compares this claim without ASCII case.
    pub case_insensitive: bool,
    /// The line where it is written; none for a rule of the issuer's kind. Not part of the digest.
    pub line: Option<NonZeroU32>,
}

/// What a claim is compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// The whole value.
    Exact(String),
    /// A glob over the whole value.
    Glob(Box<Glob>),
    /// The beginning of the value, and more.
    Prefix(String),
    /// Whether the claim is there at all.
    Present(bool),
    /// An array that has this string among its elements.
    Contains(String),
}

impl Pattern {
    /// The value, if only one matches.
    pub fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact(exact) => Some(exact),
            _ => None,
        }
    }
}

impl Condition {
    /// Whether the condition holds in an allow. An absent, null or wrongly typed claim matches
    /// nothing; `present` answers as asked.
    pub fn allows(&self, identity: &Identity) -> bool {
        self.holds(identity.claim(&self.claim), false)
    }

    /// Whether the condition holds in a deny. An absent, null or wrongly typed claim matches
    /// everything, so that a claim left out never evades a deny.
    pub fn denies(&self, identity: &Identity) -> bool {
        self.denies_claim(identity.claim(&self.claim))
    }

    /// Whether the condition holds in a deny for an identity whose claim is this.
    pub(in crate::policy) fn denies_claim(&self, claim: Option<&Claim>) -> bool {
        self.holds(claim, true)
    }

    fn holds(&self, claim: Option<&Claim>, without_value: bool) -> bool {
        let value = claim.and_then(Claim::canonical);
        self.any_of.iter().any(|pattern| match (pattern, &value) {
            (Pattern::Present(wanted), _) => *wanted == claim.is_some(),
            (Pattern::Contains(wanted), _) => match claim {
                Some(Claim::List(items)) => items.iter().any(|item| match item {
                    Claim::Text(_) => is_text(item, wanted, self.case_insensitive),
                    _ => without_value,
                }),
                _ => without_value,
            },
            (_, None) => without_value,
            (Pattern::Exact(exact), Some(value)) if self.case_insensitive => {
                exact.eq_ignore_ascii_case(value)
            }
            (Pattern::Exact(exact), Some(value)) => exact == value,
            (Pattern::Glob(glob), Some(value)) if self.case_insensitive => {
                glob.matches(&value.to_ascii_lowercase())
            }
            (Pattern::Glob(glob), Some(value)) => glob.matches(value),
            (Pattern::Prefix(prefix), Some(value)) => begins(value, prefix, self.case_insensitive),
        })
    }

    /// What would have matched, for the answer to a caller whose pins match.
    pub fn expected(&self) -> Vec<String> {
        self.any_of.iter().map(ToString::to_string).collect()
    }
}

fn is_text(item: &Claim, wanted: &str, case_insensitive: bool) -> bool {
    match item {
        Claim::Text(text) if case_insensitive => text.eq_ignore_ascii_case(wanted),
        Claim::Text(text) => text == wanted,
        _ => false,
    }
}

/// A prefix is never the whole value, as a glob never matches empty.
fn begins(value: &str, prefix: &str, case_insensitive: bool) -> bool {
    let Some((head, rest)) = value.split_at_checked(prefix.len()) else { return false };
    !rest.is_empty() && if case_insensitive { head.eq_ignore_ascii_case(prefix) } else { head == prefix }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(exact) => f.write_str(exact),
            Self::Glob(glob) => f.write_str(glob.as_str()),
            Self::Prefix(prefix) => write!(f, "{prefix}…"),
            Self::Contains(wanted) => write!(f, "[… {wanted} …]"),
            Self::Present(true) => f.write_str("(present)"),
            Self::Present(false) => f.write_str("(absent)"),
        }
    }
}
