//! A decision as it is shown.

use std::sync::Arc;

use serde::Serialize;

use crate::denial::Denial;
use crate::policy::Grant;

/// What was decided: a grant, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether there is a grant.
    pub allowed: bool,
    /// The grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<ShownGrant>,
    /// The stable code of a denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The denial in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The claim that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// What the ID token said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
    /// What would have matched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<String>,
}

/// What a token would be for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownGrant {
    /// Packages and actions, as a `scope` parameter names them.
    pub scope: String,
    /// How long the token would live, in seconds.
    pub expires_in: u64,
    /// The policies that contribute.
    pub policies: Vec<Arc<str>>,
}

impl Decision {
    /// What was decided at an instant, in seconds since the epoch.
    pub(in crate::policy) fn of(outcome: &Result<Grant, Denial>, now: u64) -> Self {
        match outcome {
            Ok(grant) => Self {
                allowed: true,
                grant: Some(ShownGrant {
                    scope: grant.scope.to_string(),
                    expires_in: grant
                        .expires
                        .map_or(grant.token_ttl, |expires| grant.token_ttl.min(expires.saturating_sub(now))),
                    policies: grant.policies.clone(),
                }),
                ..Self::default()
            },
            Err(denial) => denial.into(),
        }
    }
}

impl From<&Denial> for Decision {
    fn from(denial: &Denial) -> Self {
        Self {
            reason: Some(denial.reason.as_str()),
            detail: Some(denial.detail.to_string()),
            claim: denial.claim.as_deref().map(str::to_owned),
            received: denial.received.clone(),
            expected: denial.expected.clone(),
            ..Self::default()
        }
    }
}
