//! Leak reports: signed ones from scanners, a secret's from a self-managed GitLab, and anyone who holds a
//! token; and the question of a scanner whether what it found is alive.

mod gitlab;
mod holder;
mod signed;
mod submit;
mod verify;

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{Router, get, post};

pub(super) use holder::{HOLDER, holder};
pub(super) use verify::{VERIFY, verify};

use self::signed::ResponseFormat;
use super::state::{Public, method_not_allowed};
use crate::denial::Reason;
use crate::http::request::target::not_found;
use crate::http::response::error_response::ErrorResponse;

/// Where a reporter reports.
const REPORT: &str = "/leaks/{reporter}";
/// The addresses that PyPI (two), crates.io and RubyGems.org gave GitHub.
const PYPI: [&str; 2] = ["/_/secrets/disclose-token", "/_/github/disclose-token"];
const CRATES: &str = "/api/github/secret-scanning/verify";
const RUBYGEMS: &str = "/api/v1/api_key/revoke";

/// The routes, as metrics name them.
pub(super) const ROUTES: [&str; 9] =
    [REPORT, HOLDER, VERIFY, PYPI[0], PYPI[1], CRATES, RUBYGEMS, gitlab::TYPES, gitlab::REVOKE];

/// The routes of reporters.
pub(super) fn reporters() -> Router<Public> {
    let by_headers = |answer| post(move |state, request| signed::by_headers(state, request, answer));
    Router::new()
        .route(REPORT, post(by_name))
        .route(PYPI[0], by_headers(ResponseFormat::Nothing))
        .route(PYPI[1], by_headers(ResponseFormat::Nothing))
        .route(CRATES, by_headers(ResponseFormat::Labels))
        .route(RUBYGEMS, by_headers(ResponseFormat::Labels))
        .route(gitlab::TYPES, get(gitlab::types))
        .route(gitlab::REVOKE, post(gitlab::revoke))
        .method_not_allowed_fallback(method_not_allowed)
}

/// `POST /leaks/{reporter}`, in the protocol of the reporter.
async fn by_name(
    State(public): State<Public>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let reporter = public.broker.reporters().by_id(&name).ok_or_else(not_found)?;
    let reporter = Arc::clone(reporter);
    match reporter.signatures() {
        Some(signatures) => {
            signed::report(&public, &reporter, signatures, request, ResponseFormat::Labels).await
        }
        None => gitlab::revoke_by(&public, &reporter, request).await,
    }
}

/// A report that is not believed is forbidden; what else is wrong with it is a bad request.
pub(super) fn denied(reason: Reason) -> StatusCode {
    match reason {
        Reason::BadSignature | Reason::UnknownKey => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}
