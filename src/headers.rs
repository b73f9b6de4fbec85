//! Reading headers: single values, media types, and credentials as the clients of registries write them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};

use crate::denial::{Denial, Reason};

/// Returns the token after `Bearer`, whose case is ignored (RFC 9110 §11.1).
///
/// # Errors
/// `unauthenticated` if there is no such header, or more than one.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Denial> {
    let (scheme, token) = authorization(headers)?.split_once(' ').unwrap_or_default();
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(unauthenticated("the `Authorization` header must be `Bearer` and a token"));
    }
    Ok(token)
}

/// Returns the token after `Bearer`, or alone, as cargo sends it.
///
/// # Errors
/// See [`bearer`].
pub fn bearer_or_bare(headers: &HeaderMap) -> Result<&str, Denial> {
    let value = authorization(headers)?;
    if value.contains(' ') { bearer(headers) } else { Ok(value) }
}

/// Returns the only `Authorization` header. If there are two, a proxy before us may have read the other one.
fn authorization(headers: &HeaderMap) -> Result<&str, Denial> {
    if !headers.contains_key(AUTHORIZATION) {
        return Err(unauthenticated("the `Authorization` header is missing"));
    }
    single_header(headers, AUTHORIZATION.as_str())
        .ok_or_else(|| unauthenticated("the `Authorization` header is repeated or is not ASCII"))
}

/// Returns a denial with reason `unauthenticated`.
pub fn unauthenticated(detail: &'static str) -> Denial {
    Denial::new(Reason::Unauthenticated, detail)
}

/// Returns the value of a header that occurs exactly once and is ASCII.
pub fn single_header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut lines = headers.get_all(name).into_iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_str().ok(),
        _ => None,
    }
}

/// Returns user and password, as `Basic` encodes them (RFC 7617).
pub fn basic_pair(encoded: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Returns the media type of `Content-Type` without its parameters; empty if there is none.
pub fn media_type(headers: &HeaderMap) -> &str {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    content_type.split(';').next().unwrap_or("").trim()
}
