//! Credentials in headers, as the clients of registries write them.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::denial::{Denial, Reason};
use crate::http::response::error_response::ErrorResponse;

/// The token after `Bearer`, whose case does not count (RFC 9110 §11.1).
pub(in crate::http) fn bearer(headers: &HeaderMap) -> Result<&str, ErrorResponse> {
    let (scheme, token) = authorization(headers)?.split_once(' ').unwrap_or_default();
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(unauthenticated("the `Authorization` header must be `Bearer` and a token"));
    }
    Ok(token)
}

/// The token after `Bearer`, or alone, as cargo sends it.
pub(in crate::http) fn bearer_or_bare(headers: &HeaderMap) -> Result<&str, ErrorResponse> {
    let value = authorization(headers)?;
    if value.contains(' ') { bearer(headers) } else { Ok(value) }
}

/// The one `Authorization` header. Of two, a proxy before us may have read the other one.
fn authorization(headers: &HeaderMap) -> Result<&str, ErrorResponse> {
    let mut lines = headers.get_all(AUTHORIZATION).into_iter();
    match (lines.next(), lines.next()) {
        (None, _) => Err(unauthenticated("the `Authorization` header is missing")),
        (Some(_), Some(_)) => Err(unauthenticated("there is more than one `Authorization` header")),
        (Some(line), None) => {
            line.to_str().map_err(|_| unauthenticated("the `Authorization` header is not ASCII"))
        }
    }
}

pub(in crate::http) fn unauthenticated(detail: &'static str) -> ErrorResponse {
    Denial::new(Reason::Unauthenticated, detail).into()
}

/// The value of a header that occurs exactly once and is ASCII.
pub(in crate::http) fn single_header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut lines = headers.get_all(name).into_iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_str().ok(),
        _ => None,
    }
}

/// User and password, as `Basic` encodes them (RFC 7617).
pub(in crate::http) fn basic_pair(encoded: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
