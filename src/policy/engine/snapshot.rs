//! All policies of one load, immutable, indexed by what they pin.

use std::str::FromStr;
use std::sync::Arc;

use crate::identity::Identity;
use crate::policy::engine::denies::Denies;
use crate::policy::engine::hash_index::{HashIndex, HashIndexBuilder};
use crate::policy::tools::lint;
use crate::policy::{Condition, Pattern, Vocabulary};
use crate::registry::Actions;
use crate::registry::{Package, Registry};
use crate::token::Scope;
use crate::toml_reader::{Diagnostics, Position, Warnings};

/// Whether a policy grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// It is evaluated, and the event says what it would grant; no one is granted anything.
    Audit,
}

impl Mode {
    /// The name in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
        }
    }
}

impl FromStr for Mode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |mode: &Self| mode.as_str() == text;
        [Self::Enforce, Self::Audit].into_iter().find(named).ok_or("write \"enforce\" or \"audit\"")
    }
}

/// `[policy.limits]`. Of several policies, the strictest limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyLimits {
    /// The longest lifetime it gives a token, in seconds.
    pub token_ttl: Option<u64>,
    /// How many tokens one run may mint with its help.
    pub tokens_per_run: Option<u32>,
    /// How many packages a token may be for.
    pub packages_per_token: Option<u32>,
}

/// Who may do what on packages of one registry, for how long.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub id: Arc<str>,
    /// The issuer whose identities it is about.
    pub issuer: Arc<str>,
    /// The registry it is about.
    pub registry: Arc<str>,
    /// The packages it grants, ordered.
    pub packages: Box<[Package]>,
    /// What may be done with them.
    pub actions: Actions,
    /// All must hold; the pins among them.
    pub conditions: Box<[Condition]>,
    /// If all of one group hold, the policy grants nothing.
    pub denies: Box<[Box<[Condition]>]>,
    /// Whether it grants, or only says what it would grant.
    pub mode: Mode,
    /// The instant from which it matches nothing, in seconds since the epoch.
    pub expires: Option<u64>,
    /// How far it goes.
    pub limits: PolicyLimits,
    /// Where it is written. Not part of the digest.
    pub position: Position,
}

impl Policy {
    /// Whether it has expired, at an instant in seconds since the epoch.
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }

    /// The values that it allows a pinned claim; a pin is exact.
    pub fn pinned(&self, claim: &str) -> impl Iterator<Item = &str> {
        let conditions = self.conditions.iter().filter(move |condition| *condition.claim == *claim);
        conditions.flat_map(|condition| condition.any_of.iter().filter_map(Pattern::exact))
    }

    /// Whether it is about this registry and its pins are this identity's.
    pub fn is_about(&self, identity: &Identity, registry: &Registry) -> bool {
        self.issuer == identity.issuer.id
            && self.registry == registry.id
            && identity.pins().iter().all(|pin| self.pinned(&pin.name).any(|value| *value == *pin.value))
    }

    /// Each combination of values that it pins, in the order of these claims.
    pub(in crate::policy) fn pin_combinations(&self, claims: &[String]) -> Vec<Vec<&str>> {
        claims.iter().fold(vec![Vec::new()], |combinations, claim| {
            let extended = combinations
                .iter()
                .flat_map(|head| self.pinned(claim).map(move |value| [head.as_slice(), &[value]].concat()));
            extended.collect()
        })
    }

    /// Whether it is about any action of this scope.
    pub fn touches(&self, scope: &Scope) -> bool {
        self.packages.iter().any(|package| self.actions.overlaps(scope.actions(package)))
    }
}

/// A top-level deny: takes packages from whatever the policies grant.
#[derive(Clone, Debug)]
pub struct Deny {
    /// For identities of this issuer only.
    pub issuer: Option<Arc<str>>,
    /// For this registry only.
    pub registry: Option<Arc<str>>,
    /// These packages; empty: all.
    pub packages: Vec<String>,
    /// Only where all of these hold.
    pub conditions: Vec<Condition>,
    /// Where it is written. Not part of the digest.
    pub position: Position,
}

impl Deny {
    /// Whether it is about this identity and registry.
    pub fn applies(&self, identity: &Identity, registry: &Registry) -> bool {
        self.issuer.as_ref().is_none_or(|issuer| *issuer == identity.issuer.id)
            && self.registry.as_ref().is_none_or(|id| *id == registry.id)
            && self.conditions.iter().all(|condition| condition.denies(identity))
    }

    /// Whether it takes this package away. A name that is not a name of this registry takes nothing.
    pub fn names(&self, package: &Package, registry: &Registry) -> bool {
        self.packages.is_empty()
            || self.packages.iter().any(|name| Package::parse(registry.kind, name).as_ref() == Ok(package))
    }
}

/// The digest of a snapshot: equal digests decide equally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(pub Arc<str>);

impl Digest {
    /// `sha256:` and hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// All policies of one load.
#[derive(Debug)]
pub struct Snapshot {
    policies: Box<[Policy]>,
    /// By issuer, registry and the values of the issuer's pins.
    by_pins: HashIndex,
    denies: Denies,
    digest: Digest,
    warnings: Box<Warnings>,
}

impl Snapshot {
    pub(in crate::policy) fn new(
        mut policies: Vec<Policy>,
        denies: Vec<Deny>,
        vocabulary: &Vocabulary,
        digest: Digest,
        warnings: Warnings,
    ) -> Self {
        policies.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let mut by_pins = HashIndexBuilder::default();
        for (position, policy) in (0..).zip(&policies) {
            let pins = vocabulary.issuers.get(&policy.issuer).map_or(&[][..], |issuer| &issuer.pins);
            for values in policy.pin_combinations(pins) {
                by_pins.add([&*policy.issuer, &*policy.registry].into_iter().chain(values), position);
            }
        }
        let denies = Denies::new(denies, vocabulary);
        Self {
            policies: policies.into(),
            by_pins: by_pins.build(),
            denies,
            digest,
            warnings: Box::new(warnings),
        }
    }

    /// The policies about this registry whose pins are this identity's, ordered by id. One hash
    /// look-up, whatever the number of policies.
    pub fn candidates<'s>(
        &'s self,
        identity: &'s Identity,
        registry: &'s Registry,
    ) -> impl Iterator<Item = &'s Policy> {
        let pins = identity.pins().iter().map(|pin| pin.value.as_str());
        let found = self.by_pins.find([&*identity.issuer.id, &*registry.id].into_iter().chain(pins));
        let policies = found.iter().map(|position| &self.policies[*position as usize]);
        policies.filter(|policy| policy.is_about(identity, registry))
    }

    /// The top-level denies.
    pub fn denies(&self) -> &[Deny] {
        self.denies.all()
    }

    /// Takes away what top-level denies deny to this identity.
    pub(in crate::policy) fn apply_denies(
        &self,
        scope: &mut Scope,
        identity: &Identity,
        registry: &Registry,
    ) {
        self.denies.apply(scope, identity, registry);
    }

    /// The digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What need attention in these policies at this instant, in seconds since the epoch, though it
    /// stops nothing.
    pub fn warnings(&self, now: u64) -> Diagnostics {
        let mut warnings = (*self.warnings).clone();
        lint::at(now, &self.policies, &mut warnings);
        warnings.into_found()
    }

    /// How many policies there are.
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// Whether there is no policy.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// Every policy, ordered by id.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter()
    }
}
