//! Submitting an authenticated leak report to the broker.

use std::sync::Arc;

use axum::http::StatusCode;

use crate::broker::Reported;
use crate::http::request::report_body::ReportBody;
use crate::http::response::error_response::ErrorResponse;
use crate::http::state::Public;
use crate::reporters::{Leaks, ListError, Reporter};

/// The parsed report, and what each of its records was.
pub(super) type SubmitResult = Result<(Arc<Leaks>, Vec<Reported>), ErrorResponse>;

/// Counts a report by its outcome.
pub(super) fn count(public: &Public, reporter: &Reporter, outcome: &SubmitResult) {
    let label = match outcome {
        Ok(_) => "taken",
        Err(refused) => refused.denial.reason.as_str(),
    };
    public.broker.metrics().leak_report(&reporter.id, label);
}

/// Parses a report whose reporter is authenticated, and acts on it.
pub(super) async fn submit_report(public: &Public, reporter: &Reporter, report: &ReportBody) -> SubmitResult {
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
