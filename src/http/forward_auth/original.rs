//! The request that a proxy asks about.
//!
//! A proxy tells it in headers, or by repeating it below the prefix. A client can send the headers
//! that its proxy does not set, so whatever is there must agree.

use axum::http::HeaderName;
use axum::http::request::Parts;

use super::forbidden;
use crate::headers::single_header;
use crate::http::response::error_response::ErrorResponse;

/// How nginx, and Caddy and Traefik, tell the method.
const METHODS: [&str; 2] = ["x-original-method", "x-forwarded-method"];
/// How they tell path and query.
const URIS: [&str; 2] = ["x-original-uri", "x-forwarded-uri"];
/// What some registries' frameworks believe more than the request line. It tells nothing here, and
/// must not contradict.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
const URI_OVERRIDES: [&str; 2] = ["x-original-url", "x-rewrite-url"];
/// The same in a query, which must not be there at all.
const METHOD_PARAMETER: &str = "_method";

/// Method and path, as the client sent them.
pub(super) struct Original<'r> {
    pub(super) method: &'r str,
    /// Still encoded, without the query.
    pub(super) path: &'r str,
}

/// Reads it; `below` is the path below the prefix, where there is one.
pub(super) fn read<'r>(parts: &'r Parts, below: Option<&'r str>) -> Result<Original<'r>, ErrorResponse> {
    let own_method = below.map(|_| parts.method.as_str());
    let own_uri = below.map(|path| (path, parts.uri.query()));

    let method = own_method.into_iter().map(Ok).chain(told(parts, &METHODS));
    let method = agreed(method)?.ok_or_else(missing_original_request)?;
    let uris = told(parts, &URIS).map(|uri| uri.map(split));
    let (path, query) =
        agreed(own_uri.into_iter().map(Ok).chain(uris))?.ok_or_else(missing_original_request)?;

    agreed([Ok(method)].into_iter().chain(told(parts, &METHOD_OVERRIDES)))?;
    let overrides = told(parts, &URI_OVERRIDES).map(|uri| uri.map(|uri| split(without_authority(uri))));
    agreed([Ok((path, query))].into_iter().chain(overrides))?;
    if query.is_some_and(|query| !is_plain(query)) {
        return Err(forbidden("the query is not plain, or names a method"));
    }
    Ok(Original { method, path })
}

/// Returns the values of these headers, as far as they are present; each may occur once. Frameworks read
/// `x_name` like `x-name`, so an underscore is another spelling of the same header.
fn told<'r>(
    parts: &'r Parts,
    names: &'static [&'static str],
) -> impl Iterator<Item = Result<&'r str, ErrorResponse>> {
    let is_named = |header: &&HeaderName| {
        names.iter().any(|name| header.as_str() == *name || header.as_str().replace('_', "-") == *name)
    };
    parts.headers.keys().filter(is_named).map(|name| {
        single_header(&parts.headers, name.as_str())
            .ok_or_else(|| forbidden("a header that tells the original request is repeated, or not ASCII"))
    })
}

/// The one value that all of them are.
fn agreed<T: PartialEq>(
    told: impl Iterator<Item = Result<T, ErrorResponse>>,
) -> Result<Option<T>, ErrorResponse> {
    let mut agreed = None;
    for value in told {
        let value = value?;
        if agreed.as_ref().is_some_and(|other| *other != value) {
            return Err(forbidden("the headers that tell the original request contradict each other"));
        }
        agreed = Some(value);
    }
    Ok(agreed)
}

fn missing_original_request() -> ErrorResponse {
    forbidden("the proxy does not tell the original request's method and path")
}

fn split(uri: &str) -> (&str, Option<&str>) {
    match uri.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (uri, None),
    }
}

/// `X-Original-URL` is a whole URL.
fn without_authority(url: &str) -> &str {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.map_or(url, |rest| rest.find('/').map_or("", |path| &rest[path..]))
}

/// Whether a query cannot change the meaning of the request. Registries read queries, trustmint does not. Some
/// frameworks separate parameters by `;`.
fn is_plain(query: &str) -> bool {
    query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\')
        && !query
            .split(['&', ';'])
            .flat_map(|part| url::form_urlencoded::parse(part.as_bytes()))
            .any(|(name, _)| name.eq_ignore_ascii_case(METHOD_PARAMETER))
}
