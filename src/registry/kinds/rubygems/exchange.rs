//! The trusted publishing of RubyGems.org, for its credentials action.

use hyper::StatusCode;
use serde_json::json;

use super::super::dialect::{Dialect, Endpoint, Operation, Reply, read_jwt};
use crate::clock::rfc3339;
use crate::denial::Reason;
use crate::registry::{Action, Actions};

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[Endpoint {
        method: "POST",
        path: "/api/v1/oidc/trusted_publisher/exchange_token",
        check: None,
        operation: Operation::Exchange {
            reads_body: true,
            read: read_jwt,
            write: |minted| {
                let body = json!({
                    "rubygems_api_key": minted.token,
                    "name": format!("{} {}", minted.registry, rfc3339(minted.minted_ms)),
                    "scopes": key_scopes(minted.actions),
                    "expires_at": rfc3339(minted.expires * 1000).to_string(),
                });
                Reply::json(StatusCode::CREATED, body)
            },
        },
    }],
    denied,
    malformed_body: None,
};

/// The action reports 404 as "no trusted publisher configured" and hides our text; it prints the text of any
/// other status.
fn denied(reason: Reason) -> StatusCode {
    match reason {
        Reason::NoMatchingPolicy => StatusCode::NOT_FOUND,
        Reason::MalformedToken => StatusCode::BAD_REQUEST,
        Reason::ClaimMismatch
        | Reason::DangerousEvent
        | Reason::DeniedByPolicy
        | Reason::LimitReached
        | Reason::NotCovered
        | Reason::Suspended => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// Returns actions as the scopes of RubyGems' API keys, sorted.
fn key_scopes(actions: Actions) -> Vec<&'static str> {
    let mut scopes: Vec<_> = actions.iter().map(key_scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

fn key_scope(action: Action) -> &'static str {
    match action {
        Action::Publish | Action::Create => "push_rubygem",
        Action::Yank => "yank_rubygem",
        Action::Owner => "update_owner",
        Action::Read => "index_rubygems",
    }
}
