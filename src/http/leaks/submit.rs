//! A report that is believed, on its way to the broker.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::http::response::error_response::Refused;
use crate::http::state::Public;
use crate::broker::Reported;
use crate::denial::{Denial, Reason};
use crate::reporters::{BadList, Leaks, Reporter};

/// A report, and what its records were.
pub(super) type Taken = Result<(Arc<Leaks>, Vec<Reported>), Refused>;

/// Counts a report by what came of it.
pub(super) fn count(public: &Public, reporter: &Reporter, taken: &Taken) {
    let outcome = match taken {
        Ok(_) => "taken",
        Err(refused) => refused.denial.reason.as_str(),
    };
    public.broker.metrics.leak_report(&reporter.id, outcome);
}

/// Reads a body, believes it if it is verified, and acts on it.
pub(super) async fn disclose(
    public: &Public,
    reporter: &Reporter,
    (parts, body): (&Parts, Body),
    verified: impl Fn(&[u8]) -> bool,
) -> Taken {
    let report = public.reading.read(parts, body).await?;
    if !verified(&report.body) {
        return Err(Denial::new(Reason::BadSignature, "the signature does not fit the body").into());
    }
    let most = public.reading.records;
    let leaks = Leaks::parse(&report.body, most).map_err(|error| match error {
        BadList::TooMany => Refused::malformed(format!("the report has more than {most} records"))
            .with_status(StatusCode::PAYLOAD_TOO_LARGE),
        BadList::NoArray => Refused::malformed("the report is not a JSON array"),
    })?;
    let leaks = Arc::new(leaks);
    // What was begun goes on; the report is to come again all the same.
    let reported = public.reading.in_time(public.broker.disclose(&reporter.id, Arc::clone(&leaks))).await?;
    Ok((leaks, reported))
}
