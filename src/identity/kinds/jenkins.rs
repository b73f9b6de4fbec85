//! Jenkins with the OpenID Connect Provider plugin.
//!
//! Source: the plugin's README. An administrator writes the templates of the claims, so any name
//! goes. Jenkins signs no ids: a job is its URL, `sub`, and belongs to whoever may create jobs there.

use super::Kind;

pub(super) const KIND: Kind = Kind {
    name: "jenkins",
    pins: &["sub"],
    run_claim: Some("build_number"),
    repository: &["sub"],
    ..Kind::UNKNOWN
};
