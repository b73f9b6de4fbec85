//! `POST /oauth/revoke` (RFC 7009). CI jobs have no client id: possession is authority.

use axum::extract::State;
use axum::http::StatusCode;

use super::super::state::Public;
use crate::http::request::body::Form;
use crate::http::response::error_response::ErrorResponse;

/// 200 also for what is no live token (§2.2); `token_type_hint` changes nothing.
pub(in crate::http) async fn revoke(
    State(public): State<Public>,
    form: Form,
) -> Result<StatusCode, ErrorResponse> {
    public.broker.revoke(form.required("token")?, "oauth").await?;
    Ok(StatusCode::OK)
}
