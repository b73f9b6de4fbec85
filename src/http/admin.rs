//! The admin listener: a Unix socket or loopback, and always authenticated.

use std::sync::Arc;

use aws_lc_rs::constant_time;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, get, post};
use serde::{Deserialize, Serialize};

use crate::broker::{Broker, Evidence};
use crate::denial::{Denial, Reason};
use crate::headers::bearer;
use crate::http::request::body::{BodyLimit, LooseJson};
use crate::http::response::error_response::{ErrorResponse, bad_request, problem};
use crate::http::response::middleware::with_deadline;
use crate::identity::Claims;
use crate::policy::tools::explain::Explanation;
use crate::registry::SecretHash;
use crate::secret::Secret;
use crate::settings::Limits;
use crate::store::{CutOffAction, Selector};
use crate::token::Scope;

/// Revokes what was minted so far.
pub const REVOKE: &str = "/revoke";
/// Revokes what was minted so far, and stops minting until resumed.
pub const SUSPEND: &str = "/suspend";
/// Ends a suspension.
pub const RESUME: &str = "/resume";
/// Lists all cut-offs.
pub const CUT_OFFS: &str = "/cut-offs";

/// Explains a decision.
pub const EXPLAIN: &str = "/explain";

/// A cut-off as the listener shows it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShownCutOff {
    /// What it is about.
    pub selector: Selector,
    /// Tokens minted up to this instant are revoked, in milliseconds since the epoch; none: suspended.
    pub until_ms: Option<u64>,
}

#[derive(Clone)]
struct Admin {
    broker: Arc<Broker>,
    token: SecretHash,
}

impl axum::extract::FromRef<Admin> for BodyLimit {
    fn from_ref(_: &Admin) -> Self {
        Self(65_536)
    }
}

pub(super) fn router(broker: Arc<Broker>, token: &Secret, limits: &Limits) -> Router {
    let public_url: Arc<str> = broker.public_url().into();
    let admin = Admin { broker, token: SecretHash::of(token.expose().as_bytes()) };
    let limit = limits.request_timeout;
    let cut_off_route = |action| post(move |state, body| set_cut_off(state, body, action));
    Router::new()
        .route(REVOKE, cut_off_route(CutOffAction::Revoke))
        .route(SUSPEND, cut_off_route(CutOffAction::Suspend))
        .route(RESUME, cut_off_route(CutOffAction::Resume))
        .route(CUT_OFFS, get(list))
        .route(EXPLAIN, post(explained))
        .fallback(|| async { crate::http::request::target::not_found() })
        .layer(from_fn(move |request, next| with_deadline(limit, request, next)))
        .layer(from_fn_with_state(admin.clone(), authenticated))
        .layer(map_response(move |response: Response| {
            let public_url = Arc::clone(&public_url);
            async move { problem(response, bad_request, &public_url) }
        }))
        .with_state(admin)
}

async fn authenticated(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let refused = || {
        let denial = Denial::new(Reason::Unauthenticated, "the admin listener opens to its token only");
        ErrorResponse::from(denial).into_response()
    };
    let Ok(token) = bearer(request.headers()) else { return refused() };
    let given = SecretHash::of(token.as_bytes());
    if constant_time::verify_slices_are_equal(&given.0, &admin.token.0).is_err() {
        return refused();
    }
    next.run(request).await
}

async fn set_cut_off(
    State(admin): State<Admin>,
    LooseJson(selector): LooseJson<Selector>,
    action: CutOffAction,
) -> Result<StatusCode, ErrorResponse> {
    if selector.is_empty() {
        return Err(ErrorResponse::malformed(
            "name at least one of issuer, registry, policy, repository and run",
        ));
    }
    admin.broker.set_cut_off(selector, action).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(State(admin): State<Admin>) -> Result<Json<Vec<ShownCutOff>>, ErrorResponse> {
    let cut_offs = admin.broker.cut_offs().list()?;
    let shown = |cut_off: crate::store::CutOff| ShownCutOff {
        selector: cut_off.selector,
        until_ms: cut_off.until_ms,
    };
    Ok(Json(cut_offs.into_iter().map(shown).collect()))
}

/// A question for [`EXPLAIN`]: about an ID token, which is verified, or about bare claims.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    token: Option<String>,
    claims: Option<Claims>,
    /// The id of the issuer whose claims they are, if `iss` does not say it.
    issuer: Option<String>,
    /// The registry's id, unless there is only one.
    registry: Option<String>,
    scope: Option<String>,
}

async fn explained(
    State(admin): State<Admin>,
    LooseJson(question): LooseJson<Question>,
) -> Result<Json<Explanation>, ErrorResponse> {
    let registries = admin.broker.registries();
    let registry = match &question.registry {
        Some(id) => registries.by_id(id),
        None => registries.only(),
    };
    let registry = registry
        .ok_or_else(|| ErrorResponse::malformed("`registry` names a configured registry by its id"))?;
    let wanted = question.scope.map(|scope| Scope::parse(registry.kind, &scope)).transpose();
    let wanted = wanted.map_err(|error| ErrorResponse::malformed(error.to_string()))?;
    let evidence = match (question.token, question.claims) {
        (Some(token), None) => Evidence::IdToken(token),
        (None, Some(claims)) => Evidence::Claims { claims, issuer: question.issuer },
        _ => return Err(ErrorResponse::malformed("give either `token` or `claims`")),
    };
    Ok(Json(admin.broker.explain_to_operator(evidence, registry, wanted).await?))
}
