//! `/forward-auth/{registry}`: the subrequest by which a proxy asks whether a client's request may
//! pass. The answer is 200, 401 or 403, and on 200 what the proxy shows the registry behind it.

mod canonical;
mod carrier;
mod original;

use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::state::Public;
use crate::broker::Active;
use crate::denial::Reason;
use crate::headers::unauthenticated;
use crate::http::request::client_auth::{self, Authenticated};
use crate::http::response::error_response::ErrorResponse;
use crate::registry::Action;
use crate::registry::Registry;
use crate::registry::kinds::{AccessRequest, find_route};
use crate::token::Scope;

/// Also everything below a registry's id: Envoy puts the original path there.
pub(super) const ROUTE: &str = "/forward-auth/{*target}";

/// Who publishes, for the registry behind the proxy.
const SUBJECT: HeaderName = HeaderName::from_static("trustmint-subject");
/// What the token is for.
const SCOPE: HeaderName = HeaderName::from_static("trustmint-scope");
/// Why not, for proxies that do not pass a body on.
const REASON: HeaderName = HeaderName::from_static("trustmint-reason");

/// The longest value that proxies take in a header without being told to.
const LONGEST_HEADER: usize = 2048;

/// What a refusal without a status of its own is: a proxy knows 401 and 403.
pub(super) fn denied(reason: Reason) -> StatusCode {
    if reason == Reason::InvalidToken { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN }
}

/// Nothing is believed of a sender that is not a client of this very registry.
pub(super) async fn ask<C, S>(
    public: Public,
    request: Request,
    proxies: impl Handler<C, Public>,
    strangers: impl Handler<S, Public>,
) -> Response {
    let (id, _) = target(request.uri().path());
    let proxy = client_auth::by_header(public.broker.registries(), request.headers())
        .and_then(|proxy| if *proxy.registry.id == *id { Ok(proxy) } else { Err(client_auth::stranger()) });
    client_auth::limited(public, request, proxy, proxies, strangers).await
}

/// The registry's id, and the original path where it stands below.
fn target(path: &str) -> (&str, Option<&str>) {
    let target = path.strip_prefix("/forward-auth/").unwrap_or("");
    match target.find('/') {
        Some(end) => (&target[..end], Some(&target[end..])),
        None => (target, None),
    }
}

pub(super) async fn answer(
    State(public): State<Public>,
    axum::Extension(Authenticated { registry, .. }): axum::Extension<Authenticated>,
    parts: Parts,
) -> Response {
    let access = match access_request(&registry, &parts) {
        Ok(access) => access,
        Err(refused) => return refuse(refused, None),
    };
    if registry.public_reads && access.actions.iter().eq([Action::Read]) {
        return allow(&registry, "", "");
    }
    let token = match carrier::token(&parts.headers) {
        Ok(Some(token)) => token,
        Ok(None) => return refuse(no_credential(), None),
        Err(refused) => return refuse(refused, None),
    };
    match public.broker.authorize(&registry, &token, &access).await {
        Ok(active) => allow(&registry, &active.record.subject, &scope(&active, &access)),
        Err(denial) => refuse(denial.into(), Some(&access)),
    }
}

/// What the original request is about to do.
fn access_request(registry: &Registry, parts: &Parts) -> Result<AccessRequest, ErrorResponse> {
    let (_, below) = target(parts.uri.path());
    let original = original::read(parts, below)?;
    let path = canonical::segments(registry.kind, original.path)
        .ok_or_else(|| forbidden("the path is not written in the one form that everyone reads alike"))?;
    find_route(registry, original.method, &path).ok_or_else(|| {
        forbidden(
            "the registry's kind has no such route, or not with this method, or this is not a package name",
        )
    })
}

fn forbidden(detail: &'static str) -> ErrorResponse {
    ErrorResponse::malformed(detail).with_status(StatusCode::FORBIDDEN)
}

fn no_credential() -> ErrorResponse {
    unauthenticated("the request carries no token of this registry").into()
}

/// Returns the scope that covers a request, where it names its package.
fn scope_of(access: &AccessRequest) -> Option<Scope> {
    let package = access.package.clone()?;
    Some(Scope::from_iter([(package, access.actions)]))
}

/// The part of a token's scope that the registry behind the proxy may need.
fn scope(active: &Active, access: &AccessRequest) -> String {
    let granted = &active.record.scope;
    match &access.package {
        Some(package) => Scope::from_iter([(package.clone(), granted.actions(package))]).to_string(),
        None => granted.to_string(),
    }
}

/// Every header is always there, so that it replaces what a client may have sent under its name: a
/// token goes no further than the proxy, also where the registry has no credential of its own.
fn allow(registry: &Registry, subject: &str, scope: &str) -> Response {
    let headers = [(SUBJECT, value(subject)), (SCOPE, value(scope)), (AUTHORIZATION, value(""))];
    let mut response = headers.into_response();
    if let Some(upstream) = &registry.upstream {
        response.headers_mut().insert(upstream.header.clone(), upstream.credential.clone());
    }
    response
}

/// The text; empty, which covers nothing, where it is too long for a header.
fn value(text: &str) -> HeaderValue {
    let fitting = Some(text).filter(|text| text.len() <= LONGEST_HEADER);
    fitting.and_then(|text| text.parse().ok()).unwrap_or(HeaderValue::from_static(""))
}

/// As RFC 6750 §3 says.
fn refuse(refused: ErrorResponse, access: Option<&AccessRequest>) -> Response {
    let reason = refused.denial.reason;
    let error = match reason {
        Reason::InvalidToken => Some("invalid_token"),
        Reason::NotCovered => Some("insufficient_scope"),
        _ => None,
    };
    let mut response = ([(REASON, reason.as_str())], refused).into_response();
    if let Some(error) = error {
        let mut challenge = format!("Bearer realm=\"trustmint\", error=\"{error}\"");
        let wanted = access.and_then(scope_of).filter(|_| reason == Reason::NotCovered);
        if let Some(scope) = wanted {
            challenge.push_str(&format!(", scope=\"{scope}\""));
        }
        response.headers_mut().insert(WWW_AUTHENTICATE, value(&challenge));
    }
    response
}
