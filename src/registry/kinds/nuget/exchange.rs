//! The trusted publishing of NuGet.org, for its login action.

use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::super::dialect::{Call, Dialect, Endpoint, Exchange, Operation, Rejection, Reply, require_user_agent};
use crate::clock::rfc3339;
use crate::headers::{bearer, media_type};

const API_KEY: &str = "ApiKey";

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[Endpoint {
        method: "POST",
        path: "/api/v2/token",
        check: Some(check),
        operation: Operation::Exchange {
            reads_body: true,
            read,
            write: |minted| {
                let body = json!({
                    "tokenType": API_KEY,
                    "expires": rfc3339(minted.expires * 1000).to_string(),
                    "apiKey": minted.token,
                });
                Reply::json(StatusCode::OK, body)
            },
        },
    }],
    denied: |_| StatusCode::UNAUTHORIZED,
    malformed_body: None,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenBody {
    /// The user who owns the policy at NuGet.org. Policies have no owners among users here, so any name is
    /// accepted.
    username: String,
    token_type: String,
}

fn check(headers: &HeaderMap) -> Result<(), Rejection> {
    bearer(headers)?;
    if !media_type(headers).eq_ignore_ascii_case("application/json") {
        return Err(Rejection::malformed("the body must be application/json")
            .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    require_user_agent(headers)
}

fn read<'c>(call: &'c Call<'c>) -> Result<Exchange<'c>, Rejection> {
    let body = call.json::<TokenBody>()?;
    if body.username.trim().is_empty() {
        return Err(Rejection::malformed("`username` is empty"));
    }
    if body.token_type != API_KEY {
        return Err(Rejection::malformed(format!("`tokenType` must be \"{API_KEY}\"")));
    }
    Ok(Exchange { id_token: bearer(call.headers)?.into(), package: None })
}
