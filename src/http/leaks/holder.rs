//! `POST /leaks/holder`: anyone who holds tokens may revoke them, and them alone. No partnership is needed,
//! and the answer tells nothing.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::state::Public;
use crate::http::response::error_response::ErrorResponse;
use crate::reporters::{ListError, items, string};

pub(in crate::http) const HOLDER: &str = "/leaks/holder";

/// How many at most.
const MOST: usize = 1_000;

/// As GitHub's `POST /credentials/revoke` has it.
#[derive(Deserialize)]
struct Credentials<'b> {
    #[serde(borrow)]
    credentials: &'b RawValue,
}

/// 202 whatever they are, so that no one learns which of them live; what failed on our side is said.
pub(in crate::http) async fn holder(
    State(public): State<Public>,
    request: Request,
) -> Result<StatusCode, ErrorResponse> {
    let (parts, body) = request.into_parts();
    let report = public.report_reader.read(&parts, body).await?;
    let text = String::from_utf8_lossy(&report.body);
    let malformed = || ErrorResponse::malformed("the body is {\"credentials\": [\"…\"]}");
    let Credentials { credentials } = serde_json::from_str(&text).map_err(|_| malformed())?;
    let credentials = items(credentials.get(), MOST).map_err(|error| match error {
        ListError::TooMany => ErrorResponse::malformed(format!("at most {MOST} credentials at a time"))
            .with_status(StatusCode::UNPROCESSABLE_ENTITY),
        ListError::NotAnArray => malformed(),
    })?;
    // What is no string is not a token.
    let credentials: Vec<_> = credentials.into_iter().filter_map(string).collect();
    let revoked = public.broker.revoke_all(credentials.iter().map(String::as_str), "holder");
    public.report_reader.with_deadline(revoked).await?;
    Ok(StatusCode::ACCEPTED)
}
