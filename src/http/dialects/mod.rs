//! Registry dialects: each a wire format over the same use cases.

mod crates;
mod npm;
mod nuget;
mod pypi;
mod rubygems;

use std::time::{Duration, UNIX_EPOCH};

use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::Router;
use serde::Deserialize;

use super::state::{Public, method_not_allowed};
use crate::denial::Reason;

/// The routes of one registry kind, and the status that its clients expect of a refusal whose reason
/// has no status of its own.
pub(super) struct Dialect {
    pub(super) routes: Router<Public>,
    pub(super) denied: fn(Reason) -> StatusCode,
}

impl Dialect {
    fn new(routes: Router<Public>, denied: fn(Reason) -> StatusCode) -> Self {
        Self { routes: routes.method_not_allowed_fallback(method_not_allowed), denied }
    }
}

/// What the login actions of crates.io and RubyGems.org post.
#[derive(Deserialize)]
struct JwtBody {
    jwt: String,
}

/// Every dialect.
pub(super) fn all() -> [Dialect; 5] {
    [pypi::dialect(), crates::dialect(), npm::dialect(), rubygems::dialect(), nuget::dialect()]
}

/// The routes, as metrics name them.
pub(super) const ROUTES: [&str; 8] = [
    pypi::AUDIENCE,
    pypi::MINT,
    pypi::BURN,
    pypi::DISCOVERY,
    crates::TOKENS,
    npm::EXCHANGE,
    rubygems::EXCHANGE,
    nuget::TOKEN,
];

/// Milliseconds since the epoch as RFC 3339 writes them.
fn rfc3339(ms: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}

/// crates.io and NuGet.org turn away clients that do not say who they are, and so do we.
fn names_itself(headers: &HeaderMap) -> bool {
    headers.get(USER_AGENT).is_some_and(|agent| !agent.as_bytes().trim_ascii().is_empty())
}
