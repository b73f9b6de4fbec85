//! One thing that an operator should know about an issuer.

use serde::Serialize;

use super::shown::Shown;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Error,
    Warning,
    /// Worth knowing; there is nothing to fix.
    Note,
}

/// One finding.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Its stable name.
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) message: Shown,
    /// What to do.
    pub(super) help: Option<Shown>,
}
