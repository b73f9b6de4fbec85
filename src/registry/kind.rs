//! What differs between registries: package names and audiences here, wire formats in `http::dialects`.

use std::str::FromStr;

/// The kinds of registry that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegistryKind {
    /// PyPI and its like (`/_/oidc/mint-token`, PEP 807).
    Pypi,
    /// crates.io and its like (`/api/v1/trusted_publishing/tokens`).
    Crates,
    /// The npm registry and its like (`/-/npm/v1/oidc/token/exchange`).
    Npm,
    /// RubyGems.org and its like (`/api/v1/oidc/trusted_publisher/exchange_token`).
    Rubygems,
    /// NuGet.org and its like (`/api/v2/token`).
    Nuget,
    /// Anything that talks to the native endpoints only.
    Generic,
}

impl RegistryKind {
    /// Every kind, for messages and documentation.
    pub const ALL: [Self; 6] =
        [Self::Pypi, Self::Crates, Self::Npm, Self::Rubygems, Self::Nuget, Self::Generic];

    /// The name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Crates => "crates",
            Self::Npm => "npm",
            Self::Rubygems => "rubygems",
            Self::Nuget => "nuget",
            Self::Generic => "generic",
        }
    }

    /// The shortest lifetime that the kind's protocol allows a token, in seconds
    /// (PEP 807 forbids less than 15 minutes).
    pub const fn shortest_ttl(self) -> u64 {
        match self {
            Self::Pypi => 900,
            Self::Crates | Self::Npm | Self::Rubygems | Self::Nuget | Self::Generic => 60,
        }
    }

    /// The audiences that the kind's clients ask ID tokens for when they publish to this host (which
    /// may have a port). The first is the one that is told where a protocol tells it.
    pub fn default_audiences(self, host: &str) -> Vec<String> {
        let mut audiences = match self {
            // npm and pnpm leave out the port, yarn does not.
            Self::Npm => vec![format!("npm:{}", without_port(host)), format!("npm:{host}")],
            // Its login action has the registry's URL as default.
            Self::Nuget => vec![format!("https://{host}"), host.to_owned()],
            // The login action of crates.io leaves out the scheme; the others ask or are told.
            Self::Pypi | Self::Crates | Self::Rubygems | Self::Generic => vec![host.to_owned()],
        };
        audiences.dedup();
        audiences
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npm_clients_disagree_about_the_port() {
        let of = |host| RegistryKind::Npm.default_audiences(host);
        assert_eq!(of("npm.example.com"), ["npm:npm.example.com"]);
        assert_eq!(of("npm.example.com:8443"), ["npm:npm.example.com", "npm:npm.example.com:8443"]);
        assert_eq!(of("[::1]:8443"), ["npm:[::1]", "npm:[::1]:8443"]);
    }
}
