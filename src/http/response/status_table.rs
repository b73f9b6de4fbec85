//! The status of each reason in each dialect, for the reference.

use crate::denial::{Denial, Reason};
use crate::http::response::error_response::{ErrorResponse, bad_request};
use crate::http::{dialects, forward_auth};

/// Who answers, and with which status; `None` where the reason does not occur.
pub(crate) fn of(reason: Reason) -> Vec<(&'static str, Option<u16>)> {
    let refused = ErrorResponse::from(Denial::new(reason, ""));
    let of_proxy = [Reason::InvalidToken, Reason::NotCovered];
    let everywhere = refused.status(|_| axum::http::StatusCode::IM_A_TEAPOT).as_u16() != 418;
    let exchanged = reason != Reason::InvalidToken;
    let native = exchanged.then(|| refused.status(bad_request).as_u16());
    let dialects = dialects::all()
        .map(|(kind, dialect)| (kind.as_str(), exchanged.then(|| refused.status(dialect.denied).as_u16())));
    let forwarded =
        (everywhere || of_proxy.contains(&reason)).then(|| refused.status(forward_auth::denied).as_u16());
    [("/oauth", native)].into_iter().chain(dialects).chain([("/forward-auth", forwarded)]).collect()
}
