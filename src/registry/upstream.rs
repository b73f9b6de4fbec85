//! The registry behind a proxy, where it knows nothing of our tokens.

use hyper::header::{HeaderName, HeaderValue};

/// The registry's own credential: a proxy that was allowed to pass a request on puts it in the place
/// of the client's token. [`std::fmt::Debug`] does not show it.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The header that carries it.
    pub header: HeaderName,
    /// The header's whole value, marked as sensitive.
    pub credential: HeaderValue,
}
