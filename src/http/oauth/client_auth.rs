//! `client_secret_basic` (RFC 6749 §2.3.1).

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::super::refusal::Refused;
use crate::denial::{Denial, Reason};
use crate::registry::{Client, Registries, Registry, SecretHash};

/// A registry client that proved who it is.
#[derive(Clone, Debug)]
pub(in crate::http) struct Authenticated {
    pub(in crate::http) registry: Arc<Registry>,
    pub(in crate::http) client: Arc<str>,
}

/// Authenticates a registry client. What was wrong is not said.
pub(super) fn authenticate(registries: &Registries, headers: &HeaderMap) -> Result<Authenticated, Refused> {
    let refused = || {
        Refused::from(Denial::new(
            Reason::Unauthenticated,
            "this endpoint answers authenticated registry clients only",
        ))
    };
    let (id, secret) = basic(headers).ok_or_else(refused)?;
    let Some((registry, client)) = registries.client(&id) else {
        // The same work as for a client that exists.
        let nobody = Client { id: String::new(), secrets: vec![SecretHash([0; 32])] };
        let _ = nobody.accepts(secret.as_bytes());
        return Err(refused());
    };
    if !client.accepts(secret.as_bytes()) {
        return Err(refused());
    }
    Ok(Authenticated { registry: Arc::clone(registry), client: client.id.as_str().into() })
}

/// Id and secret, each form-encoded as the RFC wants it.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let mut lines = headers.get_all(AUTHORIZATION).into_iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (scheme, encoded) = line.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let form_decoded =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(Cow::into_owned);
    Some((form_decoded(id)?, form_decoded(secret)?))
}
