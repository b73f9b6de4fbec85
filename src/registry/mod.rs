//! A registry: a place packages are published to, with its own hosts, audiences and token prefix.

mod action;
mod client;
pub mod kinds;
mod package;
mod upstream;

use std::collections::HashMap;
use std::sync::Arc;

pub use action::{Action, Actions};
pub use client::{Client, SecretHash};
pub use kinds::RegistryKind;
pub use package::{Package, PackageError};
pub use upstream::Upstream;

/// One configured registry.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Its name in the configuration, in policies and in metrics.
    pub id: Arc<str>,
    /// Its package-name rules and wire protocol.
    pub kind: RegistryKind,
    /// The hosts its clients talk to, lower case, without port; empty: any host.
    pub hosts: Vec<String>,
    /// The `aud` values an ID token for it may carry; the first is the one clients are told.
    pub audiences: Vec<String>,
    /// What its tokens begin with.
    pub token_prefix: String,
    /// How long its tokens live at most, in seconds.
    pub token_ttl: u64,
    /// Upload paths that PEP 807 discovery answers for (kind `pypi`).
    pub upload_paths: Vec<String>,
    /// Whether a proxy lets reads through that carry no token.
    pub public_reads: bool,
    /// Whether a proxy lets requests through whose path does not name their package.
    pub unchecked_package: bool,
    /// What a leaked token means for the policies behind it.
    pub on_leak: OnLeak,
    /// What a proxy shows the registry instead of the client's token.
    pub upstream: Option<Upstream>,
    /// Who may introspect its tokens, and ask on behalf of proxies.
    pub clients: Vec<Client>,
}

/// What happens, beside the end of its run's tokens, when a token of a registry has leaked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLeak {
    /// Nothing.
    #[default]
    Revoke,
    /// The policies that contributed to it are suspended until someone resumes them.
    Suspend,
}

/// All configured registries.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    all: Vec<Arc<Registry>>,
    by_target: HashMap<String, usize>,
    by_host: HashMap<String, usize>,
    by_client: HashMap<String, (usize, usize)>,
}

impl Registries {
    /// Indexes the registries; the configuration has checked that nothing overlaps.
    pub fn new(all: Vec<Registry>) -> Self {
        let all: Vec<_> = all.into_iter().map(Arc::new).collect();
        let mut indexed = Self::default();
        for (index, registry) in all.iter().enumerate() {
            indexed.by_target.insert(registry.id.to_string(), index);
            for audience in &registry.audiences {
                indexed.by_target.insert(audience.clone(), index);
            }
            for host in &registry.hosts {
                indexed.by_host.insert(host.clone(), index);
            }
            for (position, client) in registry.clients.iter().enumerate() {
                indexed.by_client.insert(client.id.clone(), (index, position));
            }
        }
        indexed.all = all;
        indexed
    }

    /// Every registry, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Registry>> {
        self.all.iter()
    }

    /// The registry with this id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<Registry>> {
        self.all.iter().find(|registry| &*registry.id == id)
    }

    /// The registry with this id or audience, as the `audience` parameter of a token exchange names it.
    pub fn by_target(&self, target: &str) -> Option<&Arc<Registry>> {
        self.by_target.get(target).map(|index| &self.all[*index])
    }

    /// The registry that a host belongs to.
    pub fn by_host(&self, host: &str) -> Option<&Arc<Registry>> {
        self.by_host.get(host).map(|index| &self.all[*index])
    }

    /// The only registry, if there is exactly one.
    pub fn only(&self) -> Option<&Arc<Registry>> {
        match self.all.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The registry whose tokens begin like this one.
    pub fn by_token(&self, token: &str) -> Option<&Arc<Registry>> {
        self.all.iter().find(|registry| token.starts_with(&registry.token_prefix))
    }

    /// A client and its registry, by client id.
    pub fn client(&self, id: &str) -> Option<(&Arc<Registry>, &Client)> {
        let (registry, client) = self.by_client.get(id)?;
        let registry = &self.all[*registry];
        Some((registry, &registry.clients[*client]))
    }
}
