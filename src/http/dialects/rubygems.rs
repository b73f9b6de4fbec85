//! The trusted publishing of RubyGems.org, for its credentials action.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, post};
use serde_json::json;

use super::super::state::Public;
use super::{Dialect, JwtBody, rfc3339};
use crate::broker::ExchangeRequest;
use crate::denial::Reason;
use crate::http::request::body::LooseJson;
use crate::http::request::target::of_kind;
use crate::http::response::error_response::ErrorResponse;
use crate::registry::RegistryKind;
use crate::token::{Action, Scope};

pub(super) const EXCHANGE: &str = "/api/v1/oidc/trusted_publisher/exchange_token";

pub(super) fn dialect() -> Dialect {
    Dialect::new(Router::new().route(EXCHANGE, post(exchange)), denied)
}

/// The action takes 404 for "no publisher is configured for this workflow", and everything else for a
/// fault.
fn denied(reason: Reason) -> StatusCode {
    match reason {
        Reason::MalformedToken => StatusCode::BAD_REQUEST,
        _ => StatusCode::NOT_FOUND,
    }
}

async fn exchange(State(public): State<Public>, request: Request) -> Result<Response, ErrorResponse> {
    let (parts, body) = request.into_parts();
    let target = of_kind(&public.broker.registries, &parts, RegistryKind::Rubygems)?;
    let LooseJson(body) =
        LooseJson::<JwtBody>::from_request(Request::from_parts(parts, body), &public).await?;
    let request = ExchangeRequest::for_everything(&body.jwt, &target.registry, "rubygems");
    let issued = public.broker.exchange(request).await?;
    let answer = json!({
        "rubygems_api_key": issued.token.expose(),
        "name": format!("{} {}", target.registry.id, rfc3339(issued.minted_ms)),
        "scopes": key_scopes(&issued.scope),
        "expires_at": rfc3339(issued.expires * 1000),
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// What the token may do, in the words of RubyGems' API keys.
fn key_scopes(scope: &Scope) -> Vec<&'static str> {
    let mut scopes: Vec<_> = scope.iter().flat_map(|(_, actions)| actions.iter()).map(key_scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

fn key_scope(action: Action) -> &'static str {
    match action {
        Action::Publish | Action::Create => "push_rubygem",
        Action::Yank => "yank_rubygem",
        Action::Owner => "update_owner",
        Action::Read => "index_rubygems",
    }
}
