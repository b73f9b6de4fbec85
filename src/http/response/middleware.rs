//! What surrounds the handlers of a group of routes: a deadline, the words of the group's clients,
//! and, at the public listener, a count.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::denial::Reason;
use crate::http::response::error_response::{ErrorResponse, oauth, problem};
use crate::http::routes::all;
use crate::metrics::Metrics;

/// How refusals are said.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) enum ErrorFormat {
    /// As OAuth does (RFC 6749 §5.2).
    OAuth,
    /// As RFC 9457 does, with these statuses for an ID token that is not accepted.
    Problem(fn(Reason) -> StatusCode),
}

impl ErrorFormat {
    /// Puts a refusal into words; other responses stay as they are.
    pub(in crate::http) fn render(self, response: Response, public_url: &str) -> Response {
        match self {
            Self::OAuth => oauth(response, public_url),
            Self::Problem(denied) => problem(response, denied, public_url),
        }
    }
}

/// Around one group of routes. It is the outermost layer, so that whatever refuses, a handler, a
/// limit or the clock, is heard in the group's words; and it is one layer, because each that axum
/// runs costs a request several allocations.
#[derive(Clone)]
pub(in crate::http) struct RouteContext {
    pub(in crate::http) metrics: Arc<Metrics>,
    pub(in crate::http) limit: Duration,
    pub(in crate::http) words: ErrorFormat,
    /// Where the pages about errors are.
    pub(in crate::http) public_url: Arc<str>,
}

/// What holds for every answer of the public listener: it comes in time, nothing is cached, everything
/// is counted.
pub(in crate::http) async fn with_route_context(
    State(around): State<RouteContext>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let route = matched.and_then(|path| all().find(|route| *route == path.as_str())).unwrap_or("other");
    let mut response =
        around.words.render(with_deadline(around.limit, request, next).await, &around.public_url);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    around.metrics.request(route, response.status().as_u16());
    response
}

/// `limits.request_timeout`. Everything behind it has a shorter deadline of its own, but for the
/// client that sends the body.
pub(in crate::http) async fn with_deadline(limit: Duration, request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(limit, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        ErrorResponse::malformed("the request took too long")
            .with_status(StatusCode::REQUEST_TIMEOUT)
            .into_response()
    })
}
