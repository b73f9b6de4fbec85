//! `GET /errors/{reason}`: what an error's `type` leads to. Constant text, the same for everyone.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use crate::denial::Reason;
use crate::http::request::target::not_found;
use crate::http::response::error_response::ErrorResponse;

/// The address of the page.
pub(in crate::http) const ROUTE: &str = "/errors/{reason}";

pub(in crate::http) async fn page(
    reason: Result<Path<String>, PathRejection>,
) -> Result<Response, ErrorResponse> {
    let known = |Path(code): Path<String>| Reason::ALL.into_iter().find(|reason| reason.as_str() == code);
    let reason = reason.ok().and_then(known).ok_or_else(not_found)?;
    let help = reason.help();
    let text = format!("{reason}\n\n{}\n\nWhat to do: {}\n", help.meaning, help.advice);
    let headers =
        [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CONTENT_SECURITY_POLICY, "default-src 'none'")];
    Ok((headers, text).into_response())
}
