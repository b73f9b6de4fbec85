//! Any OpenID Connect issuer: the operator names the pins.

use super::{Kind, unchecked};

pub(super) const KIND: Kind = Kind {
    name: "oidc",
    default_url: None,
    owns_url: |_| false,
    pins: &[],
    missing_pin_hint: None,
    vocabulary: &[],
    vocabulary_prefixes: &[],
    derived: &[],
    unfit: &[],
    caseless: &[],
    run_claim: None,
    repository: &[],
    events: None,
    max_age: 3600,
    check: unchecked,
};
