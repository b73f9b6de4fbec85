//! An identity that a policy matches, made up from its conditions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::denial::Denial;
use crate::identity::{Claim, Claims, Identity, IssuerSettings, Kind};
use crate::policy::tools::testing::value::value;
use crate::policy::{Condition, Deny, Policy};

/// Why an identity cannot be tried.
#[derive(Debug)]
pub(in crate::policy) enum Obstacle {
    /// The exchange would refuse its claims, before any policy is looked at.
    Refused(Denial),
    /// A derived claim must have a value that we cannot bring about.
    ByHand(String),
}

/// The claims of an identity that a policy matches.
#[derive(Debug)]
pub(in crate::policy) struct MadeUp {
    kind: &'static Kind,
    signed: Claims,
    derived: BTreeMap<String, String>,
}

impl MadeUp {
    pub(in crate::policy) fn for_policy<'d>(
        policy: &Policy,
        denies: impl Iterator<Item = &'d Deny>,
        kind: &'static Kind,
    ) -> Self {
        let mut wanted: BTreeMap<&str, (Option<&Condition>, Vec<&Condition>)> = BTreeMap::new();
        for condition in &policy.conditions {
            wanted.entry(&condition.claim).or_default().0 = Some(condition);
        }
        let general: Vec<_> = denies.collect();
        let of_denies = general.iter().flat_map(|deny| &deny.conditions);
        for condition in policy.denies.iter().flatten().chain(of_denies) {
            wanted.entry(&condition.claim).or_default().1.push(condition);
        }
        let mut made_up = Self { kind, signed: Claims::default(), derived: BTreeMap::new() };
        for (claim, (allow, denies)) in wanted {
            if let Some(value) = value(allow, &denies) {
                made_up.give(claim, value);
            }
        }
        made_up
    }

    fn give(&mut self, claim: &str, value: Claim) {
        if !self.is_derived(claim) {
            self.signed.set_at(claim, value);
        } else if let Some(text) = value.canonical() {
            self.derived.insert(claim.to_owned(), text.into_owned());
        }
    }

    fn is_derived(&self, claim: &str) -> bool {
        self.kind.derived().any(|(name, _)| name == claim)
    }

    /// The identity, with some claims laid over it and others taken away. A signed claim that is laid
    /// over is left as it is, whatever we would compute from it.
    pub(in crate::policy) fn identity(
        &self,
        issuer: &Arc<IssuerSettings>,
        laid_over: &[(String, Claim)],
        absent: &[String],
    ) -> Result<Identity, Obstacle> {
        let mut changed =
            Self { kind: self.kind, signed: self.signed.clone(), derived: self.derived.clone() };
        for (claim, value) in laid_over {
            changed.give(claim, value.clone());
        }
        (self.kind.complete)(&mut changed.signed);
        for claim in absent {
            changed.derived.remove(claim);
            changed.signed.remove_at(claim);
        }
        let by_hand = |claim: &str| {
            laid_over.iter().any(|(name, _)| name == claim) || absent.iter().any(|name| name == claim)
        };
        let Self { mut signed, derived, .. } = changed;
        for (name, value) in &derived {
            bring_about(self.kind, &mut signed, name, value, by_hand)?;
        }
        Identity::unsigned(issuer, signed).map_err(Obstacle::Refused)
    }
}

/// Gives signed claims values from which a derived claim has this value.
fn bring_about(
    kind: &'static Kind,
    signed: &mut Claims,
    name: &str,
    value: &str,
    by_hand: impl Fn(&str) -> bool,
) -> Result<(), Obstacle> {
    let Some((_, derivation)) = kind.derived().find(|(derived, _)| *derived == name) else { return Ok(()) };
    let has_value = |claims: &Claims| (derivation.compute)(claims).as_deref() == Some(value);
    if by_hand(derivation.source) || has_value(signed) {
        return Ok(());
    }
    derivation.synthesize(value, signed);
    if has_value(signed) {
        return Ok(());
    }
    Err(Obstacle::ByHand(format!(
        "no `{source}` gives `{name}` the value \"{value}\"; write `{source}` into the test's `claims`",
        source = derivation.source
    )))
}
