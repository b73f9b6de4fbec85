//! The trusted publishing of the npm registry, as npm, pnpm and yarn use it: one exchange for each
//! package, all of them with the same ID token where the platform signs only one.

use hyper::StatusCode;
use serde_json::json;

use super::super::dialect::{Call, Dialect, Endpoint, Exchange, Operation, Rejection, Reply};
use crate::clock::rfc3339;
use crate::denial::Reason;
use crate::headers::bearer;
use crate::registry::{Package, RegistryKind};

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[Endpoint {
        method: "POST",
        // The name may have its `/` as `%2f`, in either case, or decoded by a proxy.
        path: "/-/npm/v1/oidc/token/exchange/package/{*name}",
        check: None,
        // The body is empty and has no type; it is not read.
        operation: Operation::Exchange {
            reads_body: false,
            read,
            write: |minted| {
                let body = json!({
                    "token_type": "oidc",
                    "token": minted.token,
                    "created": rfc3339(minted.minted_ms).to_string(),
                    "expires": rfc3339(minted.expires * 1000).to_string(),
                });
                Reply::json(StatusCode::CREATED, body)
            },
        },
    }],
    denied,
    malformed_body: None,
};

/// The npm registry answers 404 if no publisher is configured for the package, and 401 if the ID token
/// itself is not accepted.
fn denied(reason: Reason) -> StatusCode {
    match reason {
        Reason::NoMatchingPolicy | Reason::ClaimMismatch | Reason::DeniedByPolicy | Reason::NotCovered => {
            StatusCode::NOT_FOUND
        }
        _ => StatusCode::UNAUTHORIZED,
    }
}

fn read<'c>(call: &'c Call<'c>) -> Result<Exchange<'c>, Rejection> {
    let package = Package::parse(RegistryKind::Npm, call.name)
        .map_err(|error| Rejection::malformed(error.to_string()))?;
    Ok(Exchange { id_token: bearer(call.headers)?.into(), package: Some(package) })
}
