//! Where the clients of registries put their token.

use axum::http::HeaderMap;
use zeroize::Zeroizing;

use super::forbidden;
use crate::headers::{basic_pair, single_header};
use crate::http::response::error_response::ErrorResponse;

/// Reads a token out of a header's value.
type Reader = fn(&str) -> Option<String>;

/// The headers that carry credentials, and how each is read.
const CARRIERS: [(&str, Reader); 3] = [
    ("authorization", authorization),
    ("x-nuget-apikey", |value| Some(value.to_owned())),
    ("x-devpi-auth", password),
];

/// The one token that a request carries; `None`: none at all. What cannot be read is a token too, and
/// no good one.
///
/// # Errors
/// Two carriers with different tokens: the registry behind the proxy may believe the other one.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<Zeroizing<String>>, ErrorResponse> {
    let mut found: Option<Zeroizing<String>> = None;
    for (name, read) in CARRIERS {
        if !headers.contains_key(name) {
            continue;
        }
        let value = single_header(headers, name)
            .ok_or_else(|| forbidden("a header that carries credentials is repeated, or not ASCII"))?
            .trim();
        if value.is_empty() {
            continue;
        }
        let token = Zeroizing::new(read(value).unwrap_or_else(|| value.to_owned()));
        if found.as_ref().is_some_and(|other| *other != token) {
            return Err(forbidden("the request carries two different credentials"));
        }
        found = Some(token);
    }
    Ok(found)
}

/// `Bearer`, `Basic` with any user, or the token alone, as cargo and gem send it.
fn authorization(value: &str) -> Option<String> {
    let Some((scheme, rest)) = value.split_once(' ') else { return Some(value.to_owned()) };
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(rest.trim_start().to_owned()),
        "basic" => password(rest),
        _ => None,
    }
}

fn password(encoded: &str) -> Option<String> {
    // A token that was read from a file ends with a line break, which PyPI ignores too.
    basic_pair(encoded).map(|(_, password)| password.trim().to_owned())
}
