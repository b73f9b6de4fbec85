//! What a token is for: actions on packages, as Docker's registry tokens write it.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::registry::{Action, Actions};
use crate::registry::{Package, RegistryKind};

/// Names are percent-encoded in scopes, all but what RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which actions on which packages. `package:<name>:<action>[,<action>]`, separated by spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(BTreeMap<Package, Actions>);

/// Why a string is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not of the form.
    #[error("a scope reads `package:<name>:<action>[,<action>]`")]
    Form,
    /// The name is not a package name of this registry.
    #[error("{0}")]
    Package(#[from] crate::registry::PackageError),
    /// The action is not known.
    #[error("{0}")]
    Action(String),
    /// More than a request may ask for.
    #[error("a scope has at most {MAX_PACKAGES} packages")]
    TooMany,
}

/// The most packages that one request may name.
const MAX_PACKAGES: usize = 1000;

impl Scope {
    /// Reads a scope parameter (RFC 6749 §3.3: separated by single spaces).
    ///
    /// # Errors
    /// Anything but a list of well-formed package scopes.
    pub fn parse(kind: RegistryKind, text: &str) -> Result<Self, ScopeError> {
        let mut scope = Self::default();
        for element in text.split(' ').filter(|element| !element.is_empty()) {
            let mut parts = element.split(':');
            let (Some("package"), Some(name), Some(actions), None) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(ScopeError::Form);
            };
            let name = percent_decode_str(name).decode_utf8().map_err(|_| ScopeError::Form)?;
            let actions = actions
                .split(',')
                .map(|action| action.parse::<Action>().map_err(ScopeError::Action))
                .collect::<Result<Actions, _>>()?;
            scope.grant(Package::parse(kind, &name)?, actions);
            if scope.0.len() > MAX_PACKAGES {
                return Err(ScopeError::TooMany);
            }
        }
        if scope.is_empty() { Err(ScopeError::Form) } else { Ok(scope) }
    }

    /// Adds actions on a package.
    pub fn grant(&mut self, package: Package, actions: Actions) {
        let held = self.0.entry(package).or_default();
        *held = held.union(actions);
    }

    /// Takes out the packages that are not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&Package) -> bool) {
        self.0.retain(|package, _| keep(package));
    }

    /// What this allows and the other does not.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let left = self.iter().map(|(package, actions)| (package, actions.without(other.actions(package))));
        let left = left.filter(|(_, actions)| !actions.is_empty());
        Self(left.map(|(package, actions)| (package.clone(), actions)).collect())
    }

    /// The actions on a package.
    pub fn actions(&self, package: &Package) -> Actions {
        self.0.get(package).copied().unwrap_or_default()
    }

    /// Whether all of the other's actions are covered; if not, the packages that are not.
    pub fn uncovered<'s>(&self, wanted: &'s Self) -> Vec<&'s Package> {
        wanted
            .0
            .iter()
            .filter(|(package, actions)| !self.actions(package).covers(**actions))
            .map(|(package, _)| package)
            .collect()
    }

    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many packages there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Packages and actions, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Package, Actions)> {
        self.0.iter().map(|(package, actions)| (package, *actions))
    }
}

impl FromIterator<(Package, Actions)> for Scope {
    fn from_iter<I: IntoIterator<Item = (Package, Actions)>>(items: I) -> Self {
        let mut scope = Self::default();
        for (package, actions) in items {
            scope.grant(package, actions);
        }
        scope
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (package, actions)) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            let name = utf8_percent_encode(package.as_str(), ENCODED);
            write!(f, "{space}package:{name}:{actions}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, ScopeError> {
        Scope::parse(RegistryKind::Generic, text).map(|scope| scope.to_string())
    }

    #[test]
    fn scopes_are_read_and_written() {
        assert_eq!(parse("package:a:publish").as_deref(), Ok("package:a:publish"));
        assert_eq!(
            parse("package:b:yank,publish package:a:read").as_deref(),
            Ok("package:a:read package:b:publish,yank")
        );
        assert_eq!(parse("package:a:publish package:a:yank").as_deref(), Ok("package:a:publish,yank"));
        assert_eq!(parse("package:%40acme%2Fdemo:publish").as_deref(), Ok("package:%40acme%2Fdemo:publish"));
        assert_eq!(
            parse("package:a%3Ab:publish").as_deref(),
            Ok("package:a%3Ab:publish"),
            "a colon in a name"
        );
    }

    #[test]
    fn rejects_malformed_scopes() {
        for bad in [
            "",
            " ",
            "a",
            "package:a",
            "package::publish",
            "package:a:",
            "package:a:publish,",
            "package:a:b:publish",
            "registry:a:publish",
            "package:a:PUBLISH",
            "package:%ff:publish",
            "package:*:publish",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
