//! An issuer's keys, and what a request is told that has none of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};

use crate::denial::{Denial, Reason};
use crate::fetch::FetchError;
use crate::identity::{KeySet, Remote};
use crate::keyring::{self, FetchedDocument, KeysStatus, Provider, RefreshPolicy};

/// How often an issuer is asked.
const REFRESH_POLICY: RefreshPolicy = RefreshPolicy {
    burst: 2,
    period: Duration::from_secs(10),
    refresh: Duration::from_secs(3600),
    soonest_refresh: Duration::from_secs(300),
    stale: Duration::from_secs(86_400),
};

/// After how long keys are refreshed that may be kept this long, or as long as one likes.
pub fn refresh_after(max_age: Option<Duration>) -> Duration {
    REFRESH_POLICY.refresh_after(max_age)
}

/// Where an issuer's keys come from.
#[derive(Debug)]
pub enum KeySource {
    /// A file, and what was in it when the configuration was read.
    File(PathBuf, Vec<u8>),
    /// The issuer itself.
    Fetched(Remote),
}

/// An issuer's keys.
#[derive(Clone, Debug)]
pub struct Keyring(keyring::Keyring<IssuerKeys>);

/// An issuer as the provider of its keys.
#[derive(Debug)]
struct IssuerKeys {
    /// Its section in the configuration.
    name: String,
    allow_no_kid: bool,
    /// On the network; none if the keys are from a file.
    remote: Option<Remote>,
}

impl Provider for IssuerKeys {
    type Keys = KeySet;

    fn name(&self) -> &str {
        &self.name
    }

    fn refresh_policy(&self) -> RefreshPolicy {
        REFRESH_POLICY
    }

    fn fetch(&self) -> BoxFuture<'_, Result<FetchedDocument, FetchError>> {
        async {
            match &self.remote {
                Some(remote) => remote.keys().await.map(Into::into),
                None => Err(FetchError::Aborted),
            }
        }
        .boxed()
    }

    fn parse(&self, document: &[u8]) -> Result<KeySet, String> {
        let parse = if self.allow_no_kid { KeySet::parse_with_unnamed } else { KeySet::parse };
        parse(document).map_err(|error| error.to_string())
    }
}

impl keyring::Keys for KeySet {
    fn count(&self) -> usize {
        self.len()
    }

    fn skipped(&self) -> impl Iterator<Item = (Option<&str>, &'static str)> {
        self.skipped.iter().map(|skipped| (skipped.kid.as_deref(), skipped.why))
    }
}

impl Keyring {
    /// The keyring of the issuer with this id; keys from a file are there at once. `allow_no_kid`:
    /// whether a token without a `kid` may be by the only key there is.
    ///
    /// # Errors
    /// If what was in the file is not a key set.
    pub fn new(issuer: Arc<str>, source: KeySource, allow_no_kid: bool) -> Result<Self, String> {
        let keys = |remote| IssuerKeys { name: format!("issuers.{issuer}"), allow_no_kid, remote };
        match source {
            KeySource::File(path, contents) => {
                keyring::Keyring::from_file(keys(None), path, &contents).map(Self)
            }
            KeySource::Fetched(remote) => Ok(Self(keyring::Keyring::fetched(keys(Some(remote))))),
        }
    }

    /// Keeps the keys fresh until the returned future is dropped; call it once from a task.
    pub async fn maintain(self) {
        self.0.maintain().await;
    }

    /// The issuer on the network, unless its keys are from a file.
    pub fn remote(&self) -> Option<&Remote> {
        self.0.provider().remote.as_ref()
    }

    /// Whether a token without a `kid` may be by the only key there is.
    pub fn allows_no_kid(&self) -> bool {
        self.0.provider().allow_no_kid
    }

    /// What is to be measured.
    pub fn status(&self) -> KeysStatus {
        self.0.status()
    }

    /// The key set that holds a key under this `kid`.
    ///
    /// # Errors
    /// `unknown_key` if a fresh set lacks it, `issuer_unavailable` if no fresh set is available now.
    pub async fn with_key(&self, kid: &str) -> Result<Arc<KeySet>, Denial> {
        self.0.find(|set| set.contains(Some(kid))).await.map_err(|missing| missing.into_denial("issuer"))
    }

    /// The key set whose only key verifies a token without a `kid`. One that does not verify may be by
    /// a key that replaced ours, of which there is no other sign: it is as if its key were unknown.
    ///
    /// # Errors
    /// `unknown_key` if such tokens are not allowed; otherwise as for [`Keyring::with_key`].
    pub async fn with_only_key(
        &self,
        mut verifies: impl FnMut(&KeySet) -> bool,
    ) -> Result<Arc<KeySet>, Denial> {
        if !self.allows_no_kid() {
            return Err(Denial::new(Reason::UnknownKey, "the ID token's header has no `kid`"));
        }
        let mut tried: Option<Arc<KeySet>> = None;
        let tries_once = |set: &Arc<KeySet>| {
            let before = tried.replace(Arc::clone(set));
            before.is_none_or(|before| !Arc::ptr_eq(&before, set)) && set.contains(None) && verifies(set)
        };
        self.0.find(tries_once).await.map_err(|missing| missing.into_denial("issuer"))
    }
}
