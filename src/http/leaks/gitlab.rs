//! The token revocation API that a self-managed GitLab calls: a secret in `Authorization`, without a
//! scheme, and types that are named after the rules of its scanner.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::super::state::Public;
use crate::headers::{single_header, unauthenticated};
use crate::http::leaks::submit::{count, submit_report};
use crate::http::response::error_response::ErrorResponse;
use crate::reporters::Reporter;

pub(super) const TYPES: &str = "/v1/revocable_token_types";
pub(super) const REVOKE: &str = "/v1/revoke_tokens";

/// What GitLab puts before the id of a rule.
const RULE: &str = "gitleaks_rule_id_";

/// `GET /v1/revocable_token_types`.
pub(super) async fn types(
    State(public): State<Public>,
    request: Request,
) -> Result<Json<Value>, ErrorResponse> {
    reporter(&public, request.headers())?;
    Ok(Json(json!({ "types": known_types(&public) })))
}

/// `POST /v1/revoke_tokens`.
pub(super) async fn revoke(
    State(public): State<Public>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let reporter = reporter(&public, request.headers())?;
    revoke_by(&public, &reporter, request).await
}

/// A report by a reporter that must show its secret. What tokens it is about, their prefixes say; its
/// types only say what was never meant for us.
pub(super) async fn revoke_by(
    public: &Public,
    expected: &Arc<Reporter>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let (parts, body) = request.into_parts();
    let shown = reporter(public, &parts.headers)?;
    if shown.id != expected.id {
        return Err(stranger());
    }
    let outcome = async {
        let report = public.report_reader.read(&parts, body).await?;
        submit_report(public, &shown, &report).await
    };
    let outcome = outcome.await;
    count(public, &shown, &outcome);
    let (leaks, _) = outcome?;
    let known = known_types(public);
    let ours = |kind: &str| known.iter().any(|known| known == kind);
    // GitLab asks no more after a 400.
    if !leaks.leaks.is_empty() && !leaks.leaks.iter().any(|leak| ours(&leak.kind)) {
        return Err(ErrorResponse::malformed("none of the types is one of ours"));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The ids of the rules that `trustmint token rules` writes, as GitLab spells them: in snake case. A
/// GitLab that does not change them is understood too.
fn known_types(public: &Public) -> Vec<String> {
    let of = |id: &str| {
        let rule = format!("trustmint-{id}");
        let mut types = vec![format!("{RULE}{}", rule.replace('-', "_")), format!("{RULE}{rule}")];
        types.dedup();
        types
    };
    public.broker.registries().iter().flat_map(|registry| of(&registry.id)).collect()
}

fn reporter(public: &Public, headers: &HeaderMap) -> Result<Arc<Reporter>, ErrorResponse> {
    let secret = single_header(headers, AUTHORIZATION.as_str()).ok_or_else(stranger)?;
    public.broker.reporters().by_secret(secret.as_bytes()).map(Arc::clone).ok_or_else(stranger)
}

fn stranger() -> ErrorResponse {
    unauthenticated("this endpoint answers a reporter that shows its secret").into()
}
