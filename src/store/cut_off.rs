//! Cut-offs: everything a selector names, minted before an instant, is revoked.

use serde::{Deserialize, Serialize};

/// Which tokens a cut-off is about: all that match every part that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Tokens for identities of this issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Tokens of this registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Tokens that this policy contributed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Tokens for this repository or project, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Tokens of this run, as events and introspection name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Selector {
    /// Whether it names nothing, and so would be about every token there is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The parts that are given, by their names.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { issuer, registry, policy, repository, run } = self;
        [
            ("issuer", issuer),
            ("registry", registry),
            ("policy", policy),
            ("repository", repository),
            ("run", run),
        ]
        .into_iter()
        .filter_map(|(name, part)| Some((name, part.as_deref()?)))
    }
}

/// A selector and the instant up to which it revokes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Which tokens.
    pub selector: Selector,
    /// Tokens minted at or before this instant (in milliseconds since the epoch) are revoked;
    /// `None`: a suspension, so nothing is minted either.
    pub until_ms: Option<u64>,
}

/// What is done to a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOffAction {
    /// What was minted up to now is revoked.
    Revoke,
    /// Everything is revoked, and nothing is minted, until someone resumes it.
    Suspend,
    /// Ends a suspension now; what it revoked stays revoked.
    Resume,
    /// Forgets the cut-off if it is older than the given instant and no suspension.
    Remove,
}

impl CutOffAction {
    /// What a selector's instant becomes: `None` for no cut-off, `Some(None)` for a suspension.
    /// Written once, so that both stores apply cut-offs alike.
    pub(super) fn apply(self, current: Option<Option<u64>>, at_ms: u64) -> Option<Option<u64>> {
        match (self, current) {
            (Self::Suspend, _) | (Self::Revoke, Some(None)) => Some(None),
            (Self::Revoke, Some(Some(until))) => Some(Some(until.max(at_ms))),
            (Self::Revoke, None) | (Self::Resume, Some(None)) => Some(Some(at_ms)),
            (Self::Remove, Some(Some(until))) if until < at_ms => None,
            (Self::Resume | Self::Remove, current) => current,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::cut_off::*;

    #[test]
    fn cut_off_never_restores_revoked_tokens() {
        let table = [
            (CutOffAction::Revoke, None, Some(Some(5))),
            (CutOffAction::Revoke, Some(Some(3)), Some(Some(5))),
            (CutOffAction::Revoke, Some(Some(9)), Some(Some(9))),
            (CutOffAction::Revoke, Some(None), Some(None)),
            (CutOffAction::Suspend, None, Some(None)),
            (CutOffAction::Suspend, Some(Some(3)), Some(None)),
            (CutOffAction::Resume, None, None),
            (CutOffAction::Resume, Some(Some(3)), Some(Some(3))),
            (CutOffAction::Resume, Some(None), Some(Some(5))),
            (CutOffAction::Remove, Some(Some(4)), None),
            (CutOffAction::Remove, Some(Some(5)), Some(Some(5))),
            (CutOffAction::Remove, Some(None), Some(None)),
        ];
        for (action, current, expected) in table {
            assert_eq!(action.apply(current, 5), expected, "{action:?} {current:?}");
        }
    }
}
