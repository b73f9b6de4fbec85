//! The top-level denies, found without looking at all of them.

use crate::identity::Identity;
use crate::policy::engine::hash_index::{HashIndex, HashIndexBuilder};
use crate::policy::{Deny, Pattern, Vocabulary};
use crate::registry::{Package, Registry};
use crate::token::Scope;

/// All top-level denies. Each is found in one of three ways, the first that it is fit for.
#[derive(Debug, Default)]
pub(in crate::policy) struct Denies {
    all: Box<[Deny]>,
    /// By issuer, a claim that the issuer's policies pin, and its value.
    by_pin: HashIndex,
    /// By registry and package.
    by_package: HashIndex,
    /// The others, which are about everyone and everything, or nearly so.
    rest: Vec<u32>,
}

impl Denies {
    pub(in crate::policy) fn new(all: Vec<Deny>, vocabulary: &Vocabulary) -> Self {
        let (mut by_pin, mut by_package) = (HashIndexBuilder::default(), HashIndexBuilder::default());
        let mut rest = Vec::new();
        for (position, deny) in (0..).zip(&all) {
            if let Some((issuer, claim, values)) = deny.pinned(vocabulary) {
                for value in values {
                    by_pin.add([issuer, claim, value], position);
                }
            } else if deny.packages.is_empty() {
                rest.push(position);
            } else {
                for (registry, package) in deny.named(vocabulary) {
                    by_package.add([&*registry.id, package.as_str()], position);
                }
            }
        }
        Self { all: all.into(), by_pin: by_pin.build(), by_package: by_package.build(), rest }
    }

    pub(in crate::policy) fn all(&self) -> &[Deny] {
        &self.all
    }

    /// Takes away what is denied to this identity.
    pub(in crate::policy) fn apply(&self, scope: &mut Scope, identity: &Identity, registry: &Registry) {
        if self.all.is_empty() {
            return;
        }
        let applying = |position: &u32| {
            let deny = &self.all[*position as usize];
            deny.applies(identity, registry).then_some(deny)
        };
        let pinned = identity
            .pins()
            .iter()
            .flat_map(|pin| self.by_pin.find([&*identity.issuer.id, pin.name.as_str(), pin.value.as_str()]));
        let whatever: Vec<_> = pinned.chain(&self.rest).filter_map(applying).collect();
        scope.retain(|package| {
            let by_name = self.by_package.find([&*registry.id, package.as_str()]);
            !whatever
                .iter()
                .copied()
                .chain(by_name.iter().filter_map(applying))
                .any(|deny| deny.names(package, registry))
        });
    }
}

impl Deny {
    /// Its issuer, and a claim with all the values that it names, if every identity of that issuer
    /// has the claim: with another value, the deny does not apply.
    fn pinned<'d>(&'d self, vocabulary: &Vocabulary) -> Option<(&'d str, &'d str, Vec<&'d str>)> {
        let issuer = vocabulary.issuers.get(self.issuer.as_ref()?)?;
        // The last pin is the narrowest.
        issuer.pins.iter().rev().find_map(|pin| {
            let condition = self.conditions.iter().find(|condition| *condition.claim == **pin)?;
            let values = condition.any_of.iter().map(Pattern::exact).collect::<Option<Vec<_>>>()?;
            // The index compares byte by byte, which finds what has no letters, such as ids.
            let has_letters = |value: &&str| value.bytes().any(|byte| byte.is_ascii_alphabetic());
            let is_indexable = !condition.case_insensitive || !values.iter().any(has_letters);
            is_indexable.then_some((self.issuer.as_deref()?, &*condition.claim, values))
        })
    }

    /// The canonical forms of a name that it names, in the registries that it is about.
    pub(in crate::policy) fn canonical(&self, name: &str, vocabulary: &Vocabulary) -> Vec<String> {
        let kinds = self.registries(vocabulary).map(|registry| registry.kind);
        let parsed = kinds.filter_map(|kind| Package::parse(kind, name).ok());
        parsed.map(|package| package.to_string()).collect()
    }

    /// The registries that it is about.
    fn registries<'v>(&self, vocabulary: &'v Vocabulary) -> impl Iterator<Item = &'v Registry> {
        let about = |registry: &&'v Registry| self.registry.as_ref().is_none_or(|id| *id == registry.id);
        vocabulary.registries.iter().map(|registry| &**registry).filter(about)
    }

    /// The packages that it names, in each registry that it is about.
    fn named<'v>(&self, vocabulary: &'v Vocabulary) -> impl Iterator<Item = (&'v Registry, Package)> {
        self.registries(vocabulary).flat_map(|registry| {
            let parse = |name: &String| Package::parse(registry.kind, name).ok();
            self.packages.iter().filter_map(parse).map(move |package| (registry, package)).collect::<Vec<_>>()
        })
    }
}
