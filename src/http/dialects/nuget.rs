//! The trusted publishing of NuGet.org, for its login action.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, post};
use serde::Deserialize;
use serde_json::json;

use super::super::state::Public;
use super::{Dialect, names_itself, rfc3339};
use crate::broker::ExchangeRequest;
use crate::http::request::body::{LooseJson, require_json};
use crate::http::request::credential::bearer;
use crate::http::request::target::of_kind;
use crate::http::response::error_response::ErrorResponse;
use crate::registry::RegistryKind;

pub(super) const TOKEN: &str = "/api/v2/token";

const API_KEY: &str = "ApiKey";

pub(super) fn dialect() -> Dialect {
    Dialect::new(Router::new().route(TOKEN, post(exchange)), |_| StatusCode::UNAUTHORIZED)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenBody {
    /// The user who owns the policy at NuGet.org. Here policies have no owners among users, so any
    /// name does.
    username: String,
    token_type: String,
}

async fn exchange(State(public): State<Public>, request: Request) -> Result<Response, ErrorResponse> {
    let (parts, body) = request.into_parts();
    let target = of_kind(&public.broker.registries, &parts, RegistryKind::Nuget)?;
    let id_token = bearer(&parts.headers)?.to_owned();
    require_json(&parts.headers)?;
    if !names_itself(&parts.headers) {
        return Err(ErrorResponse::malformed("a request needs a `User-Agent`"));
    }
    let LooseJson(body) =
        LooseJson::<TokenBody>::from_request(Request::from_parts(parts, body), &public).await?;
    if body.username.trim().is_empty() {
        return Err(ErrorResponse::malformed("`username` is empty"));
    }
    if body.token_type != API_KEY {
        return Err(ErrorResponse::malformed(format!("`tokenType` must be \"{API_KEY}\"")));
    }
    let request = ExchangeRequest::for_everything(&id_token, &target.registry, "nuget");
    let issued = public.broker.exchange(request).await?;
    let answer = json!({
        "tokenType": API_KEY,
        "expires": rfc3339(issued.expires * 1000),
        "apiKey": issued.token.expose(),
    });
    Ok(Json(answer).into_response())
}
