//! Rate limits at the public listener, by tower-governor.
//!
//! Memory is bounded by construction: networks are hashed, with a key of this process, into a fixed
//! number of buckets, and clients are those of the configuration.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse as _, Response};
use ipnet::IpNet;
use tower_governor::GovernorLayer;
use tower_governor::errors::GovernorError;
use tower_governor::governor::{GovernorConfig, GovernorConfigBuilder};
use tower_governor::key_extractor::KeyExtractor;

use crate::denial::{Denial, Reason};
use crate::http::request::client_auth::Authenticated;
use crate::http::request::client_network::{Peer, client_network};
use crate::http::response::error_response::ErrorResponse;

/// How many buckets the networks of the world share.
const BUCKETS: u64 = 1 << 16;

type NoExtraHeaders = governor::middleware::NoOpMiddleware;

/// The layer that limits by a key.
pub(in crate::http) type Layer<K> = GovernorLayer<K, NoExtraHeaders, Body>;

/// Limits by client network.
#[derive(Clone, Debug)]
pub(in crate::http) struct ByNetwork {
    trusted: Arc<[IpNet]>,
    hasher: RandomState,
}

impl ByNetwork {
    pub(in crate::http) fn new(trusted: &[IpNet]) -> Self {
        Self { trusted: trusted.into(), hasher: RandomState::new() }
    }
}

impl KeyExtractor for ByNetwork {
    type Key = u64;

    fn extract<T>(&self, request: &Request<T>) -> Result<u64, GovernorError> {
        let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer(None));
        let network = client_network(peer, request.headers(), &self.trusted);
        Ok(self.hasher.hash_one(network) % BUCKETS)
    }
}

/// Limits by authenticated registry client.
#[derive(Clone, Debug)]
pub(in crate::http) struct ByClient;

impl KeyExtractor for ByClient {
    type Key = Arc<str>;

    fn extract<T>(&self, request: &Request<T>) -> Result<Arc<str>, GovernorError> {
        let client = request.extensions().get::<Authenticated>().ok_or(GovernorError::UnableToExtractKey)?;
        Ok(Arc::clone(&client.client))
    }
}

/// `per_second` requests a second, `burst` at once.
pub(in crate::http) fn layer<K: KeyExtractor>(key: K, per_second: u32, burst: u32) -> Layer<K> {
    let config: GovernorConfig<K, NoExtraHeaders> = GovernorConfigBuilder::default()
        .key_extractor(key)
        // tower-governor counts in time between requests, not in requests a second.
        .period(Duration::from_secs(1) / NonZeroU32::new(per_second).map_or(1, NonZeroU32::get))
        .burst_size(burst.max(1))
        .finish()
        .unwrap_or_else(|| unreachable!("neither period nor burst is zero"));
    GovernorLayer::new(config).error_handler(refused)
}

fn refused(error: GovernorError) -> Response {
    match error {
        GovernorError::TooManyRequests { wait_time, .. } => {
            let denial = Denial::new(Reason::RateLimited, "too many requests from this network or client");
            ErrorResponse::from(denial.retry_after(wait_time)).into_response()
        }
        // Without a key there is no limit, and so no service.
        GovernorError::UnableToExtractKey | GovernorError::Other { .. } => {
            ErrorResponse::from(Denial::new(Reason::Overloaded, "the request cannot be attributed"))
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, SocketAddr};

    use crate::http::request::rate_limit::*;

    #[test]
    fn networks_share_a_fixed_number_of_buckets() {
        let by_network = ByNetwork::new(&[]);
        let bucket = |address: u32| {
            let mut request = Request::new(());
            request.extensions_mut().insert(Peer(Some(SocketAddr::from((Ipv4Addr::from_bits(address), 1)))));
            by_network.extract(&request).expect("a key")
        };
        let buckets: HashSet<_> = (0..4 * 65_536).map(|number| bucket(number * 7919)).collect();
        assert!((60_000..=65_536).contains(&buckets.len()), "{}", buckets.len());
        assert_eq!(bucket(7), bucket(7));
        let other_process = ByNetwork::new(&[]);
        assert_ne!(
            by_network.hasher.hash_one(7),
            other_process.hasher.hash_one(7),
            "no one can aim at a bucket"
        );
    }
}
