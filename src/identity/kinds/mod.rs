//! Issuer kinds: what an issuer's claims mean. One small file each; data and a few functions.

mod github;
mod gitlab;
mod oidc;

use super::Claims;
use crate::denial::Denial;

/// Everything that differs between CI platforms.
#[derive(Debug)]
pub struct Kind {
    /// The name in the configuration.
    pub name: &'static str,
    /// `iss` where the kind has one issuer for everybody.
    pub default_url: Option<&'static str>,
    /// Whether an issuer URL belongs to this kind, so that it is an error under plain `oidc`.
    pub owns_url: fn(&str) -> bool,
    /// The claims every policy must pin; empty where the operator names them.
    pub pins: &'static [&'static str],
    /// Appended to the refusal of a token that lacks a pin.
    pub missing_pin_hint: Option<&'static str>,
    /// The claims the issuer signs; empty: unknown, any name goes.
    pub vocabulary: &'static [&'static str],
    /// Prefixes of claim names that users choose.
    pub vocabulary_prefixes: &'static [&'static str],
    /// Claims that are computed from signed ones.
    pub derived: &'static [Derived],
    /// Claims that no policy may match on, and what to use instead.
    pub unfit: &'static [(&'static str, &'static str)],
    /// Names that the platform compares without ASCII case.
    pub caseless: &'static [&'static str],
    /// The claim that names the run.
    pub run_claim: Option<&'static str>,
    /// Claims that name the repository or project, ids first.
    pub repository: &'static [&'static str],
    /// Which events may publish.
    pub events: Option<Events>,
    /// The default of `max_age`, in seconds.
    pub max_age: u64,
    /// Checks claims against each other.
    pub check: fn(&Claims) -> Result<(), Denial>,
}

/// A claim that is computed from signed ones. Its name is never one that the issuer signs.
#[derive(Debug)]
pub struct Derived {
    /// Its name in policies.
    pub name: &'static str,
    /// The computation; `None` is absent.
    pub compute: fn(&Claims) -> Option<String>,
}

/// Which CI events may publish.
#[derive(Debug)]
pub struct Events {
    /// The claim that names the event.
    pub claim: &'static str,
    /// Allowed where a policy says nothing.
    pub default: &'static [&'static str],
    /// Never allowed, unless the issuer's section names it in `allow_events`.
    pub never: &'static [&'static str],
    /// What to use instead.
    pub advice: &'static str,
}

impl Kind {
    /// Every kind.
    pub const ALL: [&'static Self; 3] = [&github::KIND, &gitlab::KIND, &oidc::KIND];

    /// The kind with this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|kind| kind.name == name)
    }

    /// Whether the issuer signs, or we derive, a claim of this name.
    pub fn knows(&self, claim: &str) -> bool {
        self.vocabulary.is_empty()
            || claim.starts_with('/')
            || self.vocabulary.contains(&claim)
            || self.derived.iter().any(|derived| derived.name == claim)
            || self.vocabulary_prefixes.iter().any(|prefix| claim.starts_with(prefix))
    }

    /// Whether the platform compares this claim without ASCII case.
    pub fn is_caseless(&self, claim: &str) -> bool {
        self.caseless.contains(&claim)
    }
}

/// Claims that need no check against each other.
fn unchecked(_: &Claims) -> Result<(), Denial> {
    Ok(())
}

/// Parts `path@ref`. A ref may contain `@` and so may a path; where both readings are possible
/// there is none, because a claim that can be read in two ways opens nothing.
fn split_at_ref(text: &str) -> Option<(&str, &str)> {
    match text.matches("@refs/").count() {
        0 => text.rsplit_once('@'),
        1 => text.split_once("@refs/"),
        _ => None,
    }
}
