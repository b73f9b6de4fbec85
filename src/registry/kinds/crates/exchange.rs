//! The trusted publishing of crates.io, for its login action.

use hyper::{HeaderMap, StatusCode};
use serde_json::json;

use super::super::dialect::{Dialect, Endpoint, Operation, Rejection, Reply, read_jwt, require_user_agent};
use crate::headers::bearer_or_bare;

const TOKENS: &str = "/api/v1/trusted_publishing/tokens";

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[
        Endpoint {
            method: "POST",
            path: TOKENS,
            check: Some(check),
            operation: Operation::Exchange {
                reads_body: true,
                read: read_jwt,
                write: |minted| Reply::json(StatusCode::OK, json!({ "token": minted.token })),
            },
        },
        Endpoint {
            method: "DELETE",
            path: TOKENS,
            check: Some(check),
            operation: Operation::Revoke {
                reads_body: false,
                read: |call| Ok(bearer_or_bare(call.headers)?.into()),
                // Every string with that form is accepted, so that no one learns which ones are live.
                requires_token_form: true,
                status: StatusCode::NO_CONTENT,
            },
        },
    ],
    denied: |_| StatusCode::BAD_REQUEST,
    malformed_body: None,
};

fn check(headers: &HeaderMap) -> Result<(), Rejection> {
    require_user_agent(headers).map_err(|rejection| rejection.with_status(StatusCode::FORBIDDEN))
}
