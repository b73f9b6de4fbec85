//! The trusted publishing of the npm registry, as npm, pnpm and yarn ask for it: one exchange for each
//! package, all of them with the same ID token where the platform signs only one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, post};
use serde_json::json;

use super::super::state::Public;
use super::{Dialect, rfc3339};
use crate::broker::{Audience, ExchangeRequest};
use crate::denial::Reason;
use crate::http::request::credential::bearer;
use crate::http::request::target::of_kind;
use crate::http::response::error_response::ErrorResponse;
use crate::policy::RequestedScope;
use crate::registry::{Package, RegistryKind};
use crate::store::Slot;

/// The name may have its `/` as `%2f`, in either case, or decoded by a proxy.
pub(super) const EXCHANGE: &str = "/-/npm/v1/oidc/token/exchange/package/{*name}";

pub(super) fn dialect() -> Dialect {
    Dialect::new(Router::new().route(EXCHANGE, post(exchange)), denied)
}

/// The npm registry says 404 where nobody may publish this package from there, and 401 where the ID
/// token itself is no good.
fn denied(reason: Reason) -> StatusCode {
    match reason {
        Reason::NoMatchingPolicy | Reason::ClaimMismatch | Reason::DeniedByPolicy | Reason::NotCovered => {
            StatusCode::NOT_FOUND
        }
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// The body is empty and has no type; it is not looked at.
async fn exchange(
    State(public): State<Public>,
    name: Result<Path<String>, axum::extract::rejection::PathRejection>,
    parts: Parts,
) -> Result<Response, ErrorResponse> {
    let target = of_kind(&public.broker.registries, &parts, RegistryKind::Npm)?;
    let Path(name) = name.map_err(|_| ErrorResponse::malformed("the package name is not UTF-8"))?;
    let package = Package::parse(RegistryKind::Npm, &name)
        .map_err(|error| ErrorResponse::malformed(error.to_string()))?;
    let request = ExchangeRequest {
        id_token: bearer(&parts.headers)?,
        registry: &target.registry,
        wanted: RequestedScope::Package(&package),
        slot: Slot::Package(package.clone()),
        audience: Audience::Registry,
        dialect: "npm",
    };
    let issued = public.broker.exchange(request).await?;
    let answer = json!({
        "token_type": "oidc",
        "token": issued.token.expose(),
        "created": rfc3339(issued.minted_ms),
        "expires": rfc3339(issued.expires * 1000),
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
