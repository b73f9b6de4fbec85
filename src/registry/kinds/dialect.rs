//! The exchange protocol of a registry kind, as data: endpoints, how a request is read, how a response is
//! written. Nothing here verifies, mints or revokes; `http::dialects` serves the endpoints.

use std::borrow::Cow;

use hyper::header::USER_AGENT;
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::denial::{Denial, Reason};
use crate::registry::{Actions, Package, Registry};

/// The exchange protocol of a registry kind.
#[derive(Debug)]
pub struct Dialect {
    /// The endpoints, on the hosts of the kind's registries.
    pub endpoints: &'static [Endpoint],
    /// Returns the status that clients expect for a denial whose reason has no status of its own.
    pub denied: fn(Reason) -> StatusCode,
    /// The status of a body that cannot be read, where it is not 400.
    pub malformed_body: Option<StatusCode>,
}

/// A check of a request's headers.
type Check = fn(&HeaderMap) -> Result<(), Rejection>;

/// One method of one path.
#[derive(Debug)]
pub struct Endpoint {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// The path; `{*name}` at its end stands for a package name.
    pub path: &'static str,
    /// What is checked before the body is read.
    pub check: Option<Check>,
    /// What the endpoint does.
    pub operation: Operation,
}

/// What an endpoint does.
#[derive(Debug)]
pub enum Operation {
    /// Exchanges an ID token for a registry token.
    Exchange {
        /// Whether the request has a body.
        reads_body: bool,
        /// Reads the request.
        read: for<'c> fn(&'c Call<'c>) -> Result<Exchange<'c>, Rejection>,
        /// Writes the response.
        write: fn(&Minted<'_>) -> Reply,
    },
    /// Revokes a registry token.
    Revoke {
        /// Whether the request has a body.
        reads_body: bool,
        /// Reads the token.
        read: for<'c> fn(&'c Call<'c>) -> Result<Cow<'c, str>, Rejection>,
        /// Whether a string without the form of this registry's tokens is refused with 401.
        requires_token_form: bool,
        /// The status of success.
        status: StatusCode,
    },
    /// Answers from the configuration.
    Describe(for<'c> fn(&'c Call<'c>) -> Result<Reply, Rejection>),
}

/// A request at an endpoint.
#[derive(Debug)]
pub struct Call<'r> {
    /// The registry whose host the request names.
    pub registry: &'r Registry,
    /// The URL of that host, from the configuration.
    pub base_url: &'r str,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// The package name in the path, decoded; empty where the path has none.
    pub name: &'r str,
    /// The query, still encoded.
    pub query: &'r str,
    /// The body; empty where the endpoint has none.
    pub body: &'r [u8],
}

/// What a client asks for.
#[derive(Debug)]
pub struct Exchange<'c> {
    /// The ID token.
    pub id_token: Cow<'c, str>,
    /// The only package that the token is to be good for; `None`: everything that policies allow.
    pub package: Option<Package>,
}

/// A registry token for its response.
#[derive(Debug)]
pub struct Minted<'t> {
    /// The token. It is a secret.
    pub token: &'t str,
    /// The id of its registry.
    pub registry: &'t str,
    /// When it was minted, in milliseconds since the epoch.
    pub minted_ms: u64,
    /// When it expires, in seconds since the epoch.
    pub expires: u64,
    /// All actions of its scope.
    pub actions: Actions,
}

/// A response in JSON.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The media type.
    pub content_type: &'static str,
    /// The body.
    pub body: Value,
}

impl Reply {
    /// Returns a response of type `application/json`.
    pub fn json(status: StatusCode, body: Value) -> Self {
        Self { status, content_type: "application/json", body }
    }
}

/// A request that is refused before anything is verified.
#[derive(Debug)]
pub struct Rejection {
    /// Why.
    pub denial: Denial,
    /// A status that says more than the reason's own.
    pub status: Option<StatusCode>,
}

impl From<Denial> for Rejection {
    fn from(denial: Denial) -> Self {
        Self { denial, status: None }
    }
}

impl Rejection {
    /// Returns a rejection with reason `malformed_request`.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Denial::new(Reason::MalformedRequest, detail).into()
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status: Some(status), ..self }
    }
}

impl<'c> Call<'c> {
    /// Reads the body as JSON, whatever its `Content-Type` says: several clients send none.
    ///
    /// # Errors
    /// If it is not JSON of this form. serde's messages are left out: they repeat values, which may be tokens.
    pub fn json<T: Deserialize<'c>>(&'c self) -> Result<T, Rejection> {
        serde_json::from_slice(self.body)
            .map_err(|_| Rejection::malformed("the body is not the JSON object that is expected here"))
    }
}

/// The body that the login actions of crates.io and RubyGems.org post.
#[derive(Deserialize)]
struct JwtBody<'b> {
    #[serde(borrow)]
    jwt: Cow<'b, str>,
}

/// Reads `{"jwt": "…"}`.
pub(super) fn read_jwt<'c>(call: &'c Call<'c>) -> Result<Exchange<'c>, Rejection> {
    Ok(Exchange { id_token: call.json::<JwtBody<'_>>()?.jwt, package: None })
}

/// Refuses a request without `User-Agent`, as crates.io and NuGet.org do.
pub(super) fn require_user_agent(headers: &HeaderMap) -> Result<(), Rejection> {
    if headers.get(USER_AGENT).is_some_and(|agent| !agent.as_bytes().trim_ascii().is_empty()) {
        return Ok(());
    }
    Err(Rejection::malformed("a request needs a `User-Agent`"))
}
