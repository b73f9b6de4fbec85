//! A report that is believed, on its way to the broker.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::broker::Reported;
use crate::denial::{Denial, Reason};
use crate::http::response::error_response::ErrorResponse;
use crate::http::state::Public;
use crate::reporters::{Leaks, ListError, Reporter};

/// A report, and what its records were.
pub(super) type SubmitResult = Result<(Arc<Leaks>, Vec<Reported>), ErrorResponse>;

/// Counts a report by what came of it.
pub(super) fn count(public: &Public, reporter: &Reporter, taken: &SubmitResult) {
    let outcome = match taken {
        Ok(_) => "taken",
        Err(refused) => refused.denial.reason.as_str(),
    };
    public.broker.metrics.leak_report(&reporter.id, outcome);
}

/// Reads a body, believes it if it is verified, and acts on it.
pub(super) async fn submit_report(
    public: &Public,
    reporter: &Reporter,
    (parts, body): (&Parts, Body),
    verified: impl Fn(&[u8]) -> bool,
) -> SubmitResult {
    let report = public.report_reader.read(parts, body).await?;
    if !verified(&report.body) {
        return Err(Denial::new(Reason::BadSignature, "the signature does not fit the body").into());
    }
    let most = public.report_reader.records;
    let leaks = Leaks::parse(&report.body, most).map_err(|error| match error {
        ListError::TooMany => ErrorResponse::malformed(format!("the report has more than {most} records"))
            .with_status(StatusCode::PAYLOAD_TOO_LARGE),
        ListError::NotAnArray => ErrorResponse::malformed("the report is not a JSON array"),
    })?;
    let leaks = Arc::new(leaks);
    // What was begun goes on; the report is to come again all the same.
    let reported = public
        .report_reader
        .with_deadline(public.broker.respond_to_leaks(&reporter.id, Arc::clone(&leaks)))
        .await?;
    Ok((leaks, reported))
}
