//! Any OpenID Connect issuer: the operator names the pins.

use super::Kind;

pub(super) const KIND: Kind = Kind { name: "oidc", allows_any_claim: true, ..Kind::UNKNOWN };
