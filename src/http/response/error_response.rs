//! A refusal on its way to the caller. A handler says why; the layer around its routes writes it
//! in the words that the routes' clients read.

use axum::Json;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::denial::{Denial, Reason};
use crate::registry::kinds::Rejection;

/// A denial that became an answer; it is rendered by [`problem`] or [`oauth`].
#[derive(Clone, Debug)]
pub(in crate::http) struct ErrorResponse {
    pub(in crate::http) denial: Denial,
    /// A status that says more than the reason's own.
    pub(in crate::http) status: Option<StatusCode>,
    /// The OAuth error code, where the reason's own does not fit.
    pub(in crate::http) oauth_error: Option<&'static str>,
}

impl From<Denial> for ErrorResponse {
    fn from(denial: Denial) -> Self {
        Self { denial, status: None, oauth_error: None }
    }
}

impl From<Rejection> for ErrorResponse {
    fn from(Rejection { denial, status }: Rejection) -> Self {
        Self { denial, status, oauth_error: None }
    }
}

impl ErrorResponse {
    pub(in crate::http) fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Denial::new(Reason::MalformedRequest, detail).into()
    }

    pub(in crate::http) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    pub(in crate::http) fn with_oauth_error(mut self, error: &'static str) -> Self {
        self.oauth_error = Some(error);
        self
    }

    /// The status; `denied` is what the dialect answers to an ID token that it does not accept.
    pub(in crate::http) fn status(&self, denied: fn(Reason) -> StatusCode) -> StatusCode {
        self.status.unwrap_or(match self.denial.reason {
            Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Reason::IssuerUnavailable | Reason::StoreUnavailable | Reason::Overloaded => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Reason::MalformedRequest | Reason::UnknownTarget => StatusCode::BAD_REQUEST,
            Reason::Unauthenticated => StatusCode::UNAUTHORIZED,
            Reason::NotFound => StatusCode::NOT_FOUND,
            reason => denied(reason),
        })
    }

    /// The members that every JSON error of ours carries.
    fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("reason".into(), self.denial.reason.as_str().into());
        if let Some(claim) = &self.denial.claim {
            members.insert("claim".into(), claim.as_ref().into());
        }
        if let Some(received) = &self.denial.received {
            members.insert("received".into(), received.as_str().into());
        }
        if !self.denial.expected.is_empty() {
            members.insert("expected".into(), self.denial.expected.clone().into());
        }
        members
    }
}

impl IntoResponse for ErrorResponse {
    /// Only the extension; a response that no one renders is an empty 500, which shows in tests.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// RFC 9457, with the members that the clients of registries read beside it: `message` (npm, PyPI),
/// `errors` (PyPI, crates.io), `error` (RubyGems, NuGet).
pub(in crate::http) fn problem(
    response: Response,
    denied: fn(Reason) -> StatusCode,
    public_url: &str,
) -> Response {
    let challenge = "Bearer realm=\"trustmint\"";
    render(response, denied, "application/problem+json", challenge, |refused, status| {
        let detail = refused.denial.detail.as_ref();
        let reason = refused.denial.reason.as_str();
        let mut body = refused.members();
        body.insert("type".into(), page_of(refused.denial.reason, public_url).into());
        body.insert("title".into(), status.canonical_reason().unwrap_or("Error").into());
        body.insert("status".into(), status.as_u16().into());
        body.insert("detail".into(), detail.into());
        body.insert("message".into(), detail.into());
        body.insert("error".into(), detail.into());
        body.insert("errors".into(), json!([{ "code": reason, "description": detail, "detail": detail }]));
        body
    })
}

/// RFC 6749 §5.2.
pub(in crate::http) fn oauth(response: Response, public_url: &str) -> Response {
    let challenge = "Basic realm=\"trustmint\"";
    render(response, bad_request, "application/json", challenge, |refused, _| {
        let error = refused.oauth_error.unwrap_or(match refused.denial.reason {
            Reason::NotCovered => "invalid_scope",
            Reason::UnknownTarget => "invalid_target",
            Reason::Unauthenticated => "invalid_client",
            Reason::RateLimited
            | Reason::IssuerUnavailable
            | Reason::StoreUnavailable
            | Reason::Overloaded => "temporarily_unavailable",
            _ => "invalid_request",
        });
        let mut body = refused.members();
        body.insert("error".into(), error.into());
        body.insert("error_description".into(), printable(&refused.denial.detail).into());
        body.insert("error_uri".into(), page_of(refused.denial.reason, public_url).into());
        body
    })
}

/// Where the page about a reason is (`errors`), below this public URL.
fn page_of(reason: Reason, public_url: &str) -> String {
    format!("{public_url}/errors/{reason}")
}

/// The status where no dialect has one of its own.
pub(in crate::http) fn bad_request(_: Reason) -> StatusCode {
    StatusCode::BAD_REQUEST
}

fn render(
    mut response: Response,
    denied: fn(Reason) -> StatusCode,
    content_type: &'static str,
    challenge: &'static str,
    body: impl FnOnce(&ErrorResponse, StatusCode) -> Map<String, Value>,
) -> Response {
    let Some(refused) = response.extensions_mut().remove::<ErrorResponse>() else { return response };
    let status = refused.status(denied);
    let mut rendered = (status, Json(body(&refused, status))).into_response();
    let headers = rendered.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(seconds) = refused.denial.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    // RFC 9110 §15.5.2 wants one with every 401.
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    // What the inner layers said stays said, such as `Allow`; but a router within has measured a
    // body that is not sent.
    for (name, value) in response.headers() {
        if name != CONTENT_LENGTH && name != CONTENT_TYPE {
            headers.insert(name.clone(), value.clone());
        }
    }
    rendered
}

/// `error_description` is ASCII without `"` and `\` (RFC 6749 §5.2).
fn printable(detail: &str) -> String {
    detail
        .chars()
        .map(|letter| match letter {
            '"' => '\'',
            '…' => '.',
            '\\' => '/',
            ' '..='~' => letter,
            _ => '?',
        })
        .collect()
}
