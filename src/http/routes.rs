//! The addresses of the public listener.

use crate::http::response::error_pages;
use crate::http::{dialects, forward_auth, leaks};

pub(super) const INTROSPECT: &str = "/oauth/introspect";
pub(super) const METADATA: &str = "/.well-known/oauth-authorization-server";

/// The routes, as metrics name them; everything else is `other`.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    let everybodys = [
        "/oauth/token",
        INTROSPECT,
        "/oauth/revoke",
        "/explain",
        METADATA,
        forward_auth::ROUTE,
        error_pages::ROUTE,
    ];
    everybodys.into_iter().chain(leaks::ROUTES).chain(dialects::paths())
}
