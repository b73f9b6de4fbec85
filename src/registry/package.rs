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

/// Why a string is no package name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Nothing there.
    #[error("a package name is not empty")]
    Empty,
    /// More than any registry takes.
    #[error("a package name has at most {LONGEST} bytes")]
    TooLong,
    /// PyPI names: PEP 508.
    #[error(
        "a PyPI name has ASCII letters, digits, `.`, `-` and `_`, and begins and ends with a letter or digit"
    )]
    Pypi,
    /// Crate names.
    #[error("a crate name has up to 64 ASCII letters, digits, `-` and `_`, and begins with a letter")]
    Crates,
    /// npm names.
    #[error("an npm name is `name` or `@scope/name`, of ASCII letters, digits, `-`, `.`, `_` and `~`")]
    Npm,
    /// Gem names.
    #[error("a gem name has ASCII letters, digits, `.`, `-` and `_`, and begins with a letter or digit")]
    Rubygems,
    /// NuGet ids.
    #[error("a NuGet id has up to 100 ASCII letters, digits and `_`, parted by single `.` and `-`")]
    Nuget,
    /// Generic names.
    #[error("a package name has no spaces, control characters or wildcards")]
    Generic,
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
        match kind {
            RegistryKind::Pypi => pypi(name),
            RegistryKind::Crates => crates(name),
            RegistryKind::Npm => npm(name),
            RegistryKind::Rubygems => rubygems(name),
            RegistryKind::Nuget => nuget(name),
            RegistryKind::Generic => generic(name),
        }
        .map(|canonical| Self(canonical.into_boxed_str()))
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

/// PEP 503: runs of `.`, `-` and `_` are one `-`, and case does not count.
fn pypi(name: &str) -> Result<String, PackageError> {
    let bytes = name.as_bytes();
    let well_formed =
        bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let edges = [bytes[0], bytes[bytes.len() - 1]];
    if !well_formed || !edges.iter().all(u8::is_ascii_alphanumeric) {
        return Err(PackageError::Pypi);
    }
    let mut canonical = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            canonical.push(letter.to_ascii_lowercase());
        } else if !canonical.ends_with('-') {
            canonical.push('-');
        }
    }
    Ok(canonical)
}

/// crates.io takes `-` for `_` and does not tell cases apart when it asks whether a name is taken.
fn crates(name: &str) -> Result<String, PackageError> {
    let well_formed = name.len() <= 64
        && name.as_bytes()[0].is_ascii_alphabetic()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !well_formed {
        return Err(PackageError::Crates);
    }
    Ok(name.to_ascii_lowercase().replace('_', "-"))
}

/// npm compares names to the byte: old packages have capitals.
fn npm(name: &str) -> Result<String, PackageError> {
    let parts = match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').map(|(scope, name)| vec![scope, name]),
        None => Some(vec![name]),
    };
    let is_part = |part: &&str| {
        !part.is_empty()
            && !part.starts_with(['.', '_'])
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    if !parts.is_some_and(|parts| parts.iter().all(is_part)) {
        return Err(PackageError::Npm);
    }
    Ok(name.to_owned())
}

/// Gem servers compare names to the byte.
fn rubygems(name: &str) -> Result<String, PackageError> {
    let well_formed = name.as_bytes()[0].is_ascii_alphanumeric()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !well_formed {
        return Err(PackageError::Rubygems);
    }
    Ok(name.to_owned())
}

/// NuGet does not tell cases apart.
fn nuget(name: &str) -> Result<String, PackageError> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if name.len() > 100 || !name.split(['.', '-']).all(is_word) {
        return Err(PackageError::Nuget);
    }
    Ok(name.to_ascii_lowercase())
}

/// Names of unknown registries are compared to the byte.
fn generic(name: &str) -> Result<String, PackageError> {
    let refused = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '*' | '?');
    if name.contains(refused) {
        return Err(PackageError::Generic);
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pypi_names_follow_pep_503() {
        let canonical = |name| Package::parse(RegistryKind::Pypi, name).map(|p| p.to_string());
        for name in [
            "Friendly-Bard",
            "FRIENDLY-BARD",
            "friendly.bard",
            "friendly_bard",
            "friendly--bard",
            "FrIeNdLy-._.-bArD",
        ] {
            assert_eq!(canonical(name).as_deref(), Ok("friendly-bard"));
        }
        for name in ["-a", "a-", ".", "a b", "ä", "a/b", "a*", "*"] {
            assert_eq!(canonical(name), Err(PackageError::Pypi), "{name}");
        }
        assert_eq!(canonical(""), Err(PackageError::Empty));
        assert_eq!(canonical(&"a".repeat(215)), Err(PackageError::TooLong));
    }

    #[test]
    fn each_kind_has_one_form_for_all_spellings_of_a_name() {
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
    fn what_no_registry_would_take_is_no_name() {
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

    #[test]
    fn generic_names_are_compared_to_the_byte() {
        let parse = |name| Package::parse(RegistryKind::Generic, name);
        assert_ne!(parse("A"), parse("a"));
        assert_eq!(parse("a*"), Err(PackageError::Generic));
        assert_eq!(parse("a\nb"), Err(PackageError::Generic));
    }
}
