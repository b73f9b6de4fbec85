//! What a request at a native endpoint is about: which registry, and how much of what there is.

use std::sync::Arc;

use super::details;
use crate::denial::{Denial, Reason};
use crate::http::request::body::Form;
use crate::http::response::error_response::ErrorResponse;
use crate::registry::{Registries, Registry};
use crate::token::Scope;

/// `audience` or `resource`, else the host's registry, else the only one.
pub(super) fn registry(
    form: &Form,
    by_host: Option<Arc<Registry>>,
    registries: &Registries,
) -> Result<Arc<Registry>, ErrorResponse> {
    let unknown = |detail: &'static str| ErrorResponse::from(Denial::new(Reason::UnknownTarget, detail));
    let mut named: Option<&Arc<Registry>> = None;
    for target in form.all("audience").chain(form.all("resource")) {
        let registry = registries.by_target(target).ok_or_else(|| {
            unknown("`audience` and `resource` name a registry, by its id or by one of its audiences")
        })?;
        if named.is_some_and(|other| other.id != registry.id) {
            return Err(unknown("`audience` and `resource` name more than one registry"));
        }
        named = Some(registry);
    }
    named
        .cloned()
        .or(by_host)
        .or_else(|| registries.only().cloned())
        .ok_or_else(|| unknown("say which registry: `audience` is its id or one of its audiences"))
}

/// What is asked for, and whether it was asked in detail.
pub(super) fn wanted(form: &Form, registry: &Registry) -> Result<(Option<Scope>, bool), ErrorResponse> {
    let scope = match form.one("scope")? {
        None => None,
        Some(text) => Some(Scope::parse(registry.kind, text).map_err(|error| {
            ErrorResponse::malformed(error.to_string()).with_oauth_error("invalid_scope")
        })?),
    };
    let Some(json) = form.one("authorization_details")? else { return Ok((scope, false)) };
    let mut wanted = details::parse(registry, json)?;
    for (package, actions) in scope.iter().flat_map(Scope::iter) {
        wanted.grant(package.clone(), actions);
    }
    Ok((Some(wanted), true))
}
