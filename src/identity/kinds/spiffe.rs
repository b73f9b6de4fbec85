//! SPIFFE JWT-SVIDs, such as SPIRE signs them.
//!
//! Source: the SPIFFE ID and JWT-SVID specifications, and SPIRE's `jwt_issuer`. `aud` is an array,
//! `jti` is optional.

use super::{Claims, Kind, claim, contradiction};
use crate::denial::Denial;

/// The longest SPIFFE ID, and the longest trust domain in it, in bytes.
const MAX_ID_BYTES: usize = 2048;
const MAX_TRUST_DOMAIN_BYTES: usize = 255;

pub(super) const KIND: Kind = Kind {
    name: "spiffe",
    claims: &[
        claim("sub").pin().repository(),
        claim("aud"),
        claim("exp"),
        claim("iat"),
        claim("iss"),
        claim("jti"),
        claim("nbf"),
    ],
    check: subject_is_a_spiffe_id,
    ..Kind::UNKNOWN
};

fn subject_is_a_spiffe_id(claims: &Claims) -> Result<(), Denial> {
    if claims.text("sub").is_some_and(is_workload_id) {
        return Ok(());
    }
    Err(contradiction(claims, "sub", "`sub` is not the SPIFFE ID of a workload"))
}

/// `spiffe://trust-domain/path`, with a path: without one it is the trust domain itself.
fn is_workload_id(id: &str) -> bool {
    let Some((trust_domain, path)) = id.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let of_domain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
    let of_segment = |c: u8| c.is_ascii_alphanumeric() || b".-_".contains(&c);
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(of_segment);
    id.len() <= MAX_ID_BYTES
        && (1..=MAX_TRUST_DOMAIN_BYTES).contains(&trust_domain.len())
        && trust_domain.bytes().all(of_domain)
        && path.split('/').all(is_segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workload_id_is_well_formed() {
        for id in ["spiffe://example.org/ns/ci/sa/publisher", "spiffe://a/b", "spiffe://a_b-c.1/B_c-d.e/..."]
        {
            assert!(is_workload_id(id), "{id}");
        }
        let long = format!("spiffe://example.org/{}", "a".repeat(2028));
        let long_domain = format!("spiffe://{}/a", "a".repeat(256));
        for id in [
            "",
            "spiffe://",
            "spiffe:///a",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe://example.org/a/",
            "spiffe://example.org//a",
            "spiffe://example.org/a//b",
            "spiffe://example.org/.",
            "spiffe://example.org/a/../b",
            "spiffe://Example.org/a",
            "spiffe://example.org:8080/a",
            "spiffe://user@example.org/a",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org/a%2fb",
            "spiffe://example.org/a b",
            "spiffe://exämple.org/a",
            "SPIFFE://example.org/a",
            "https://example.org/a",
            " spiffe://example.org/a",
            &long,
            &long_domain,
        ] {
            assert!(!is_workload_id(id), "{id}");
        }
    }
}
