//! A reporter as the provider of its keys. Replicas share what one of them was told: GitHub answers
//! 60 anonymous requests an hour, and a replica that starts while GitHub cannot be reached has keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::digest;
use futures_util::future::{BoxFuture, FutureExt as _};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};

use crate::clock::Clock;
use crate::fetch::{FetchError, Fetcher};
use crate::hex;
use crate::keyring::{FetchedDocument, Provider, RefreshPolicy};
use crate::reporters::{Curve, PublicKeys};
use crate::store::{SharedDocument, Store};

/// How often a reporter is asked.
const REFRESH_POLICY: RefreshPolicy = RefreshPolicy {
    burst: 2,
    period: Duration::from_secs(120),
    refresh: Duration::from_secs(3600),
    soonest_refresh: Duration::from_secs(900),
    // With a key that was withdrawn since, someone could kill tokens that he holds, which he can anyway.
    stale: Duration::from_secs(7 * 86_400),
};

/// How old a shared document may be and still save asking.
const FRESH: Duration = Duration::from_secs(60);
/// Longer than a request waits: no one is told that there is no such key by what was asked for by
/// another replica, whose clock may run ahead.
const UNSETTLING: Duration = Duration::from_secs(4);
/// How long the store may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where the keys of a reporter are fetched.
#[derive(Debug)]
pub struct ReporterKeys {
    /// The reporter's section in the configuration.
    pub name: String,
    /// The curves it may sign with.
    pub curves: Vec<Curve>,
    /// Where the listing is, and who fetches it; none where it is from a file.
    pub remote: Option<(Fetcher, String)>,
    /// What is shown there, where it wants an `Authorization`.
    pub authorization: Option<HeaderValue>,
    /// What replicas share.
    pub sharing: OnceLock<Sharing>,
    /// When the keys that this replica knows were fetched, in milliseconds since the epoch.
    pub known_ms: AtomicU64,
}

/// What a reporter's keys are shared through.
#[derive(Clone, Debug)]
pub struct Sharing {
    /// Where.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Provider for ReporterKeys {
    type Keys = PublicKeys;

    fn name(&self) -> &str {
        &self.name
    }

    fn refresh_policy(&self) -> RefreshPolicy {
        REFRESH_POLICY
    }

    fn fetch(&self) -> BoxFuture<'_, Result<FetchedDocument, FetchError>> {
        self.obtain().boxed()
    }

    fn parse(&self, document: &[u8]) -> Result<PublicKeys, String> {
        PublicKeys::parse(document, &self.curves)
    }
}

impl ReporterKeys {
    async fn obtain(&self) -> Result<FetchedDocument, FetchError> {
        // What this replica knows already would tell it nothing.
        let known = self.known_ms.load(Ordering::Relaxed);
        let newer = self.shared().await.filter(|(at_ms, _)| *at_ms > known);
        let (at_ms, obtained) = match newer {
            Some(fresh) if fresh.1.age < FRESH => fresh,
            newer => match self.ask().await {
                Ok(obtained) => (self.share(&obtained.document).await, obtained),
                Err(error) => {
                    let shared = newer.filter(|(_, shared)| shared.age < REFRESH_POLICY.stale);
                    if shared.is_some() {
                        let whose = &*self.name;
                        tracing::warn!(whose, %error, "the keys are those that another replica had");
                    }
                    shared.ok_or(error)?
                }
            },
        };
        self.known_ms.store(at_ms, Ordering::Relaxed);
        Ok(obtained)
    }

    async fn ask(&self) -> Result<FetchedDocument, FetchError> {
        let (fetcher, url) = self.remote.as_ref().ok_or(FetchError::Aborted)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let fetched = fetcher.get_document(url, headers).await?;
        // What is shared has been understood; a document that has not is no one's keys.
        self.parse(&fetched.body).map_err(FetchError::document)?;
        Ok(fetched.into())
    }

    /// What replicas share, and the instant at which it was fetched, in milliseconds since the epoch.
    async fn shared(&self) -> Option<(u64, FetchedDocument)> {
        let Sharing { store, clock } = self.sharing.get()?;
        let answer = tokio::time::timeout(PATIENCE, store.shared(self.shared_name())).await;
        let SharedDocument { at_ms, bytes } = answer.ok()?.ok()??;
        let age = Duration::from_millis(clock.now_ms().saturating_sub(at_ms)).max(UNSETTLING);
        self.parse(&bytes).ok()?;
        Some((at_ms, FetchedDocument { document: Bytes::from(bytes), max_age: None, age }))
    }

    /// Shares what was fetched just now; says when that is.
    async fn share(&self, document: &Bytes) -> u64 {
        let Some(Sharing { store, clock }) = self.sharing.get() else { return 0 };
        let at_ms = clock.now_ms();
        let shared = SharedDocument { at_ms, bytes: document.to_vec() };
        let kept = store.share(self.shared_name(), shared, REFRESH_POLICY.stale.as_secs());
        // Another replica asks for itself then.
        drop(tokio::time::timeout(PATIENCE, kept).await);
        at_ms
    }

    /// Keys of another address are another reporter's, whatever it is called.
    fn shared_name(&self) -> String {
        let url = self.remote.as_ref().map_or("", |(_, url)| url);
        let url = digest::digest(&digest::SHA256, url.as_bytes());
        format!("keys:{}:{}", self.name, hex::encode(&url.as_ref()[..8]))
    }
}
