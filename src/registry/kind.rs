//! What differs between registries: package names here, wire formats in `http::dialects`.

use std::str::FromStr;

/// The kinds of registry that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegistryKind {
    /// PyPI and its like (`/_/oidc/mint-token`, PEP 807).
    Pypi,
    /// Anything that talks to the native endpoints only.
    Generic,
}

impl RegistryKind {
    /// Every kind, for messages and documentation.
    pub const ALL: [Self; 2] = [Self::Pypi, Self::Generic];

    /// The name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Generic => "generic",
        }
    }

    /// The shortest lifetime that the kind's protocol allows a token, in seconds
    /// (PEP 807 forbids less than 15 minutes).
    pub const fn shortest_ttl(self) -> u64 {
        match self {
            Self::Pypi => 900,
            Self::Generic => 60,
        }
    }
}

impl FromStr for RegistryKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("known kinds are {}", known.join(", "))
        })
    }
}
