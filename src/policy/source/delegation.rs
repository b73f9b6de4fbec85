//! Folders that were given to teams, and what the policies in them may speak about.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::policy::{Deny, Policy};
use crate::registry::Actions;
use crate::registry::Package;

/// A folder that was given to a team. Whatever is in it may speak for nothing else.
#[derive(Clone, Debug)]
pub struct Delegation {
    /// Relative to the folder of policies.
    pub folder: PathBuf,
    /// The team.
    pub owner: String,
    /// The issuers that it may trust.
    pub issuers: Vec<Arc<str>>,
    /// The registries that it may speak for, each with the beginnings of its packages' names in the
    /// canonical form of the registry's kind.
    pub registries: BTreeMap<Arc<str>, Vec<String>>,
    /// The actions that it may give.
    pub actions: Actions,
}

impl Delegation {
    /// What a policy says that the team may not say.
    fn excesses_of_policy(&self, policy: &Policy) -> Vec<String> {
        let mut excesses = self.excess_issuer(Some(&policy.issuer));
        let packages = policy.packages.iter().map(Package::as_str);
        excesses.extend(self.excess_packages(&policy.registry, packages));
        if !self.actions.covers(policy.actions) {
            excesses.push(format!("give the actions {}: only {}", policy.actions, self.actions));
        }
        excesses
    }

    /// What a top-level deny says that the team may not say. It may deny its own packages to anyone.
    fn excesses_of_deny(&self, deny: &Deny, canonical: impl Fn(&str) -> Vec<String>) -> Vec<String> {
        let mut excesses = self.excess_issuer(deny.issuer.as_deref());
        let Some(registry) = &deny.registry else {
            excesses.push("deny something of all registries: a deny here names its `registry`".to_owned());
            return excesses;
        };
        if deny.packages.is_empty() {
            excesses.push("deny all packages: a deny here names its `packages`".to_owned());
        }
        let packages: Vec<_> = deny.packages.iter().flat_map(|name| canonical(name)).collect();
        excesses.extend(self.excess_packages(registry, packages.iter().map(String::as_str)));
        excesses
    }

    fn excess_issuer(&self, issuer: Option<&str>) -> Vec<String> {
        let known = |issuer: &str| self.issuers.iter().any(|known| **known == *issuer);
        let excess = issuer.filter(|issuer| !known(issuer));
        let tell = |issuer| format!("speak for issuer \"{issuer}\": only for {}", self.issuers.join(", "));
        excess.map(tell).into_iter().collect()
    }

    fn excess_packages<'p>(&self, registry: &str, packages: impl Iterator<Item = &'p str>) -> Vec<String> {
        let Some(prefixes) = self.registries.get(registry) else {
            let known: Vec<_> = self.registries.keys().map(|id| &**id).collect();
            return vec![format!("speak for registry \"{registry}\": only for {}", known.join(", "))];
        };
        let beyond = packages.filter(|name| !prefixes.iter().any(|prefix| name.starts_with(prefix.as_str())));
        let tell = |name| {
            format!("speak for package \"{name}\": only for names that begin with {}", prefixes.join(" or "))
        };
        beyond.map(tell).collect()
    }
}

/// The folders that were given away, as they are on the disk.
#[derive(Debug)]
pub(in crate::policy) struct Delegated<'d>(Vec<(PathBuf, Option<PathBuf>, &'d Delegation)>);

impl<'d> Delegated<'d> {
    /// Those below the folder of policies.
    pub(in crate::policy) fn below(root: &Path, delegations: &'d [Delegation]) -> Self {
        let placed = delegations.iter().map(|delegation| {
            let folder = root.join(&delegation.folder);
            let canonical = fs::canonicalize(&folder).ok();
            (folder, canonical, delegation)
        });
        Self(placed.collect())
    }

    /// The delegations that a file is under: by its path, or by where links lead, so that no link
    /// from elsewhere frees what a team writes. All of them apply: a folder within a folder can only
    /// be narrower.
    pub(in crate::policy) fn bounds(&self, file: &Path) -> Bounds<'d> {
        if self.0.is_empty() {
            return Bounds::default();
        }
        let really = fs::canonicalize(file).ok();
        let contains = |(folder, canonical, _): &&(PathBuf, Option<PathBuf>, &'d Delegation)| {
            let linked = really.as_ref().zip(canonical.as_ref());
            file.starts_with(folder) || linked.is_some_and(|(file, folder)| file.starts_with(folder))
        };
        Bounds(self.0.iter().filter(contains).map(|(_, _, delegation)| *delegation).collect())
    }
}

/// The delegations that a file is under.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Bounds<'d>(Vec<&'d Delegation>);

impl Bounds<'_> {
    /// What a policy says beyond what the owners of its file may say.
    pub(in crate::policy) fn excesses_of_policy(&self, policy: &Policy) -> Vec<String> {
        self.excesses(|delegation| delegation.excesses_of_policy(policy))
    }

    /// The same of a top-level deny; `canonical` gives a name's canonical form in its registry.
    pub(in crate::policy) fn excesses_of_deny(
        &self,
        deny: &Deny,
        canonical: impl Fn(&str) -> Vec<String> + Copy,
    ) -> Vec<String> {
        self.excesses(|delegation| delegation.excesses_of_deny(deny, canonical))
    }

    fn excesses(&self, excesses: impl Fn(&Delegation) -> Vec<String>) -> Vec<String> {
        let excesses_of_each = self.0.iter().flat_map(|delegation| {
            let owner = &delegation.owner;
            excesses(delegation)
                .into_iter()
                .map(move |what| format!("this folder is {owner}'s, who may not {what}"))
        });
        excesses_of_each.collect()
    }
}
