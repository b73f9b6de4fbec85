//! Package names, in the one canonical form of their registry's kind.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::RegistryKind;

/// The longest package name that is accepted, in bytes.
const LONGEST: usize = 214;

/// A canonical package name. Two spellings of one package are equal; a scope, a policy and a
/// record never hold anything else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Package(Box<str>);

/// Why a string is not a package name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Nothing there.
    #[error("a package name is not empty")]
    Empty,
    /// More than any registry takes.
    #[error("a package name has at most {LONGEST} bytes")]
    TooLong,
    /// Not a name of the registry's kind; says what a name looks like.
    #[error("{0}")]
    Invalid(&'static str),
}

impl Package {
    /// Brings a name into the canonical form of the registry's kind.
    ///
    /// # Errors
    /// Names that the kind's registries would not take; wildcards are never names.
    pub fn parse(kind: RegistryKind, name: &str) -> Result<Self, PackageError> {
        if name.is_empty() {
            return Err(PackageError::Empty);
        }
        if name.len() > LONGEST {
            return Err(PackageError::TooLong);
        }
        let spec = kind.spec();
        let canonical = (spec.canonical_name)(name).ok_or(PackageError::Invalid(spec.name_rule))?;
        Ok(Self(canonical.into_boxed_str()))
    }

    /// Brings the beginning of names into the canonical form: a name that begins with it in any
    /// spelling does so in its canonical form.
    ///
    /// # Errors
    /// Beginnings that no name of the kind can have.
    pub fn canonical_prefix(kind: RegistryKind, prefix: &str) -> Result<String, PackageError> {
        if prefix.is_empty() {
            return Err(PackageError::Empty);
        }
        // A separator is not an end of a name, but something may follow it.
        let mut name = String::from(Self::parse(kind, &format!("{prefix}x"))?.0);
        name.pop();
        Ok(name)
    }

    /// The canonical name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_has_a_canonical_form() {
        let prefix = |prefix| Package::canonical_prefix(RegistryKind::Pypi, prefix);
        for text in ["data-", "Data_", "DATA.-_"] {
            assert_eq!(prefix(text).as_deref(), Ok("data-"), "{text}");
        }
        assert_eq!(prefix("data").as_deref(), Ok("data"));
        assert_eq!(prefix(""), Err(PackageError::Empty));
        assert!(matches!(prefix("-data"), Err(PackageError::Invalid(_))));
        assert!(matches!(prefix("da ta"), Err(PackageError::Invalid(_))));
        let parse = |name: &str| Package::parse(RegistryKind::Pypi, name);
        assert_eq!(parse(""), Err(PackageError::Empty));
        assert_eq!(parse(&"a".repeat(215)), Err(PackageError::TooLong));
    }

    #[test]
    fn package_name_has_one_canonical_form_per_kind() {
        let canonical = |kind, name: &str| Package::parse(kind, name).map(|p| p.to_string());
        for (kind, name, expected) in [
            (RegistryKind::Crates, "Serde_JSON", "serde-json"),
            (RegistryKind::Crates, "a__b", "a--b"),
            (RegistryKind::Npm, "@Acme/demo.js", "@Acme/demo.js"),
            (RegistryKind::Npm, "JSONStream", "JSONStream"),
            (RegistryKind::Rubygems, "Rails_x-1.0", "Rails_x-1.0"),
            (RegistryKind::Nuget, "Newtonsoft.Json", "newtonsoft.json"),
            (RegistryKind::Nuget, "_a-B.c", "_a-b.c"),
        ] {
            assert_eq!(canonical(kind, name).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn rejects_names_that_no_registry_accepts() {
        for (kind, names) in [
            (RegistryKind::Crates, &["1a", "-a", "_a", "a.b", "a b", "ä", "a/b"][..]),
            (
                RegistryKind::Npm,
                &[
                    "@a", "@a/", "@/a", "@a/b/c", "a/b", ".a", "_a", "@a/.b", "@a/..", "a%2fb", "@@a/b",
                    "a b", "a*",
                ],
            ),
            (RegistryKind::Rubygems, &[".a", "-a", "a/b", "a b", "ä"]),
            (RegistryKind::Nuget, &["a..b", ".a", "a-", "a/b", "a b", "ä"]),
        ] {
            for name in names {
                assert!(Package::parse(kind, name).is_err(), "{} {name}", kind.as_str());
            }
        }
        assert!(Package::parse(RegistryKind::Crates, &"a".repeat(65)).is_err());
        assert!(Package::parse(RegistryKind::Nuget, &"a".repeat(101)).is_err());
    }
}
