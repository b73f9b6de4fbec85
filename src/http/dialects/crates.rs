//! The trusted publishing of crates.io, for its login action.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, post};
use serde_json::json;

use super::super::state::Public;
use super::{Dialect, JwtBody, names_itself};
use crate::broker::ExchangeRequest;
use crate::http::request::body::LooseJson;
use crate::http::request::credential::{bearer_or_bare, unauthenticated};
use crate::http::request::target::{Target, of_kind};
use crate::http::response::error_response::ErrorResponse;
use crate::registry::RegistryKind;
use crate::token::RegistryToken;

pub(super) const TOKENS: &str = "/api/v1/trusted_publishing/tokens";

pub(super) fn dialect() -> Dialect {
    Dialect::new(Router::new().route(TOKENS, post(exchange).delete(revoke)), |_| StatusCode::BAD_REQUEST)
}

async fn exchange(State(public): State<Public>, request: Request) -> Result<Response, ErrorResponse> {
    let (parts, body) = request.into_parts();
    let target = crates(&public, &parts)?;
    let LooseJson(body) =
        LooseJson::<JwtBody>::from_request(Request::from_parts(parts, body), &public).await?;
    let request = ExchangeRequest::for_everything(&body.jwt, &target.registry, "crates");
    let issued = public.broker.exchange(request).await?;
    Ok(Json(json!({ "token": issued.token.expose() })).into_response())
}

/// 204 for every string that is written like a token of this registry, so that nobody learns which
/// ones live.
async fn revoke(State(public): State<Public>, parts: Parts) -> Result<StatusCode, ErrorResponse> {
    let target = crates(&public, &parts)?;
    let token = bearer_or_bare(&parts.headers)?;
    if RegistryToken::parse(&target.registry.token_prefix, token).is_none() {
        return Err(unauthenticated("the `Authorization` header holds no token of this registry"));
    }
    public.broker.revoke(token, "crates").await?;
    Ok(StatusCode::NO_CONTENT)
}

fn crates(public: &Public, parts: &Parts) -> Result<Target, ErrorResponse> {
    let target = of_kind(&public.broker.registries, parts, RegistryKind::Crates)?;
    if !names_itself(&parts.headers) {
        return Err(
            ErrorResponse::malformed("a request needs a `User-Agent`").with_status(StatusCode::FORBIDDEN)
        );
    }
    Ok(target)
}
