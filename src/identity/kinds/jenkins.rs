//! Jenkins with the OpenID Connect Provider plugin.
//!
//! Source: the plugin's README. An administrator writes the templates of the claims, so any name
//! goes. Jenkins signs no ids: a job is its URL, `sub`, and belongs to anyone who may create jobs there.

use super::{Kind, claim};

pub(super) const KIND: Kind = Kind {
    name: "jenkins",
    allows_any_claim: true,
    claims: &[claim("sub").pin().repository(), claim("build_number").run()],
    ..Kind::UNKNOWN
};
