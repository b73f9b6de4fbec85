//! `authorization_details` of type `package` (RFC 9396).

use serde::{Deserialize, Serialize};

use crate::http::response::error_response::ErrorResponse;
use crate::registry::{Action, Actions};
use crate::registry::{Package, Registry};
use crate::token::Scope;

/// The most elements that one request may have.
const MOST: usize = 1000;

/// One element.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Detail {
    r#type: String,
    identifier: String,
    actions: Vec<String>,
}

/// Reads the parameter into a scope.
pub(super) fn parse(registry: &Registry, json: &str) -> Result<Scope, ErrorResponse> {
    let refused =
        |detail: String| ErrorResponse::malformed(detail).with_oauth_error("invalid_authorization_details");
    let form =
        "`authorization_details` is a list of objects with `type`: \"package\", `identifier` and `actions`";
    let details: Vec<Detail> = serde_json::from_str(json).map_err(|_| refused(form.to_owned()))?;
    if details.is_empty() || details.len() > MOST {
        return Err(refused(form.to_owned()));
    }
    let mut scope = Scope::default();
    for detail in details {
        if detail.r#type != "package" || detail.actions.is_empty() {
            return Err(refused(form.to_owned()));
        }
        let package =
            Package::parse(registry.kind, &detail.identifier).map_err(|error| refused(error.to_string()))?;
        let actions =
            detail.actions.iter().map(|action| action.parse::<Action>()).collect::<Result<Actions, _>>();
        scope.grant(package, actions.map_err(refused)?);
    }
    Ok(scope)
}

/// Writes a scope as the parameter's value.
pub(super) fn render(scope: &Scope) -> Vec<Detail> {
    scope
        .iter()
        .map(|(package, actions)| Detail {
            r#type: "package".to_owned(),
            identifier: package.to_string(),
            actions: actions.iter().map(|action| action.as_str().to_owned()).collect(),
        })
        .collect()
}
