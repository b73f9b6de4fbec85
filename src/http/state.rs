//! What handlers at the public listener share.

use std::sync::Arc;

use axum::extract::FromRef;
use axum::http::StatusCode;

use crate::broker::Broker;
use crate::http::request::body::BodyLimit;
use crate::http::request::report_body::ReportReader;
use crate::http::response::error_response::ErrorResponse;

/// What handlers at the public listener need.
#[derive(Clone)]
pub(super) struct Public {
    pub(super) broker: Arc<Broker>,
    pub(super) body_limit: BodyLimit,
    pub(super) report_reader: ReportReader,
}

impl FromRef<Public> for BodyLimit {
    fn from_ref(public: &Public) -> Self {
        public.body_limit
    }
}

/// axum has set `Allow` by then.
pub(super) async fn method_not_allowed() -> ErrorResponse {
    ErrorResponse::malformed("this address does not answer to that method")
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}
