//! PyPI's trusted publishing, as warehouse serves it and PEP 807 describes it.

use axum::Json;
use axum::extract::{FromRequest as _, Query, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, get, post};
use serde::Deserialize;
use serde_json::json;

use super::super::state::Public;
use super::Dialect;
use crate::broker::ExchangeRequest;
use crate::http::request::body::LooseJson;
use crate::http::request::target::{Target, not_found, of_kind};
use crate::http::response::error_response::ErrorResponse;
use crate::registry::RegistryKind;

pub(super) const AUDIENCE: &str = "/_/oidc/audience";
pub(super) const MINT: &str = "/_/oidc/mint-token";
pub(super) const BURN: &str = "/_/oidc/burn-token";
pub(super) const DISCOVERY: &str = "/.well-known/pytp";

/// PEP 807's media type.
const MEDIA_TYPE: &str = "application/vnd.pypi.pytp.v1+json";

/// What warehouse answers to an ID token that it does not accept.
const DENIED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

pub(super) fn dialect() -> Dialect {
    let routes = Router::new()
        .route(AUDIENCE, get(audience))
        .route(MINT, post(mint))
        .route(BURN, post(burn))
        .route(DISCOVERY, get(discover));
    Dialect::new(routes, |_| DENIED)
}

async fn audience(State(public): State<Public>, parts: Parts) -> Result<Response, ErrorResponse> {
    let target = pypi(&public, &parts)?;
    Ok(Json(json!({ "audience": target.registry.audiences.first() })).into_response())
}

#[derive(Deserialize)]
struct MintBody {
    token: String,
    /// PEP 807; without it the token can be used any number of times.
    #[serde(default)]
    features: Vec<String>,
}

async fn mint(State(public): State<Public>, request: Request) -> Result<Response, ErrorResponse> {
    let (parts, body) = request.into_parts();
    let target = pypi(&public, &parts)?;
    let LooseJson(body) = LooseJson::<MintBody>::from_request(Request::from_parts(parts, body), &public)
        .await
        .map_err(unprocessable)?;
    if body.features.iter().any(|feature| feature != "multi-use-token") {
        return Err(unprocessable(ErrorResponse::malformed("the only feature is `multi-use-token`")));
    }
    let request = ExchangeRequest::for_everything(&body.token, &target.registry, "pypi");
    let issued = public.broker.exchange(request).await?;
    Ok(Json(json!({ "success": true, "token": issued.token.expose(), "expires": issued.expires }))
        .into_response())
}

#[derive(Deserialize)]
struct BurnBody {
    token: String,
}

/// 202 whatever the token was, as warehouse answers; what failed on our side is said.
async fn burn(State(public): State<Public>, request: Request) -> Result<StatusCode, ErrorResponse> {
    let (parts, body) = request.into_parts();
    pypi(&public, &parts)?;
    let LooseJson(body) = LooseJson::<BurnBody>::from_request(Request::from_parts(parts, body), &public)
        .await
        .map_err(unprocessable)?;
    public.broker.revoke(&body.token, "pypi").await?;
    Ok(StatusCode::ACCEPTED)
}

/// Warehouse tells a body that it cannot read apart from a bad ID token by the code alone.
fn unprocessable(refused: ErrorResponse) -> ErrorResponse {
    let status = refused.status.unwrap_or(DENIED);
    refused.with_status(status)
}

#[derive(Deserialize)]
struct DiscoveryQuery {
    discover: Option<String>,
}

/// PEP 807 discovery: where to ask for an audience and a token, for a known upload path.
async fn discover(
    State(public): State<Public>,
    query: Result<Query<DiscoveryQuery>, axum::extract::rejection::QueryRejection>,
    parts: Parts,
) -> Result<Response, ErrorResponse> {
    let target = pypi(&public, &parts)?;
    let path = query
        .ok()
        .and_then(|Query(query)| query.discover)
        .ok_or_else(|| ErrorResponse::malformed("`discover` names an upload path"))?;
    if !target.registry.upload_paths.contains(&path) {
        return Err(not_found());
    }
    if !accepts(&parts.headers) {
        return Err(ErrorResponse::malformed(format!("the answer is {MEDIA_TYPE}"))
            .with_status(StatusCode::NOT_ACCEPTABLE));
    }
    // PEP 807 wants the upload URL's own host; only configured names are ever repeated.
    let base = target.host.map_or_else(|| public.broker.public_url.clone(), |host| format!("https://{host}"));
    let document = json!({
        "audience-endpoint": format!("{base}{AUDIENCE}"),
        "token-mint-endpoint": format!("{base}{MINT}"),
        "features": ["multi-use-token"],
        "default-features": ["multi-use-token"],
    });
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], document.to_string()).into_response())
}

/// No `Accept` is as PEP 807's type; else the most specific range that includes it decides (RFC 9110
/// §12.5.1).
fn accepts(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).into_iter().flat_map(|line| line.to_str().unwrap_or("?").split(','));
    let mut ranges = lines.map(str::trim).filter(|range| !range.is_empty()).peekable();
    if ranges.peek().is_none() {
        return true;
    }
    let mut best = (0, false);
    for range in ranges {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let specific = match parts.next().as_deref() {
            Some(MEDIA_TYPE) => 3,
            Some("application/*") => 2,
            Some("*/*") => 1,
            _ => continue,
        };
        let q = parts.find_map(|parameter| parameter.strip_prefix("q=")?.parse::<f32>().ok());
        best = best.max((specific, q.is_none_or(|q| q > 0.0)));
    }
    best.1
}

fn pypi(public: &Public, parts: &Parts) -> Result<Target, ErrorResponse> {
    of_kind(&public.broker.registries, parts, RegistryKind::Pypi)
}
