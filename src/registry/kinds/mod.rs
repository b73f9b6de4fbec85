//! The kinds of registry. Each kind is one folder: package names, audiences, exchange dialect and routes.
//!
//! To add a kind, write its folder and add a line to the list below.

mod dialect;
mod route;

use std::str::FromStr;

pub use dialect::{Call, Dialect, Endpoint, Exchange, Minted, Operation, Rejection, Reply};
pub use route::{AccessRequest, Route, find_route};

/// Everything that is particular to a kind of registry.
#[derive(Debug)]
pub struct KindSpec {
    /// The name in the configuration.
    pub name: &'static str,
    /// The shortest lifetime that the kind's protocol allows a token, in seconds.
    pub min_token_ttl: u64,
    /// Returns the audiences that the kind's clients request ID tokens for when they publish to this host
    /// (which may have a port). The first is the one that a protocol announces.
    pub default_audiences: fn(host: &str) -> Vec<String>,
    /// Where uploads go if the configuration does not say so; empty where `upload_paths` has no meaning.
    pub default_upload_paths: &'static [&'static str],
    /// Returns the canonical form of a package name; `None` if the kind's registries would not take it.
    pub canonical_name: fn(name: &str) -> Option<String>,
    /// What a package name looks like, for error messages.
    pub name_rule: &'static str,
    /// Whether names are `@scope/name`, so that a `/` in a name may be percent-encoded in a path.
    pub has_scoped_names: bool,
    /// The exchange protocol of the kind's clients; `None` where they use the native endpoints only.
    pub dialect: Option<&'static Dialect>,
    /// What a method and a path mean at such a registry.
    pub routes: &'static [Route],
}

/// Declares the kinds, in the order in which messages list them.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident => $module:ident),+ $(,)?) => {
        $(mod $module;)+

        /// A kind of registry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RegistryKind {
            $($(#[$doc])* $variant,)+
        }

        impl RegistryKind {
            /// Every kind, for messages and documentation.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// Returns what is particular to the kind.
            pub const fn spec(self) -> &'static KindSpec {
                match self {
                    $(Self::$variant => &$module::KIND,)+
                }
            }
        }
    };
}

kinds! {
    /// PyPI and compatible indexes (`/_/oidc/mint-token`, PEP 807).
    Pypi => pypi,
    /// crates.io and compatible registries (`/api/v1/trusted_publishing/tokens`).
    Crates => crates,
    /// The npm registry and compatible ones (`/-/npm/v1/oidc/token/exchange`).
    Npm => npm,
    /// RubyGems.org and compatible servers (`/api/v1/oidc/trusted_publisher/exchange_token`).
    Rubygems => rubygems,
    /// NuGet.org and compatible feeds (`/api/v2/token`).
    Nuget => nuget,
    /// Any registry whose clients use the native endpoints.
    Generic => generic,
}

impl RegistryKind {
    /// Returns the name in the configuration.
    pub const fn as_str(self) -> &'static str {
        self.spec().name
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
