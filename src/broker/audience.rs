//! Which `aud` values an ID token may carry.

use super::verify_id_token::Expected;
use crate::denial::{Denial, Reason};
use crate::identity::{Claims, IssuerSettings, Kind, single_audience};

/// Whose audiences a request may present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// One of the registry's.
    Registry,
    /// One of the registry's, or the broker's own identifier (RFC 8693 at the native endpoint).
    RegistryOrBroker,
    /// The broker's own identifier only (RFC 7523 §3, and its revision's answer to audience injection).
    Broker,
}

/// Checks that an ID token was made for the registry or the broker.
pub(super) fn check_audience(
    claims: &Claims,
    issuer: &IssuerSettings,
    expected: &Expected<'_>,
) -> Result<(), Denial> {
    let audience = single_audience(claims).map_err(|denial| with_expected(denial, expected))?;
    if is_accepted(audience, issuer, expected) {
        return Ok(());
    }
    let detail = if is_shared(audience) {
        "the ID token has the audience that all customers of its platform share; \
         an operator can accept that with `accept_shared_audience`"
    } else {
        "the ID token was made for another service; request it with this registry's audience"
    };
    let denial = Denial::new(Reason::WrongAudience, detail).claim("aud").received(audience.to_owned());
    Err(with_expected(denial, expected))
}

fn is_accepted(audience: &str, issuer: &IssuerSettings, expected: &Expected<'_>) -> bool {
    // Every customer of a platform has tokens for it, so no registry's list makes it anyone's.
    if is_shared(audience) {
        let of_this_issuer = issuer.kind.audiences.shared == Some(audience);
        return of_this_issuer && issuer.accept_shared_audience && expected.audience != Audience::Broker;
    }
    let is_registrys = || expected.registry.audiences.iter().any(|known| known == audience);
    match expected.audience {
        Audience::Registry => is_registrys(),
        Audience::RegistryOrBroker => audience == expected.public_url || is_registrys(),
        Audience::Broker => audience == expected.public_url,
    }
}

/// Adds to a refusal of the audience which ones would have been accepted.
fn with_expected(denial: Denial, expected: &Expected<'_>) -> Denial {
    match (denial.reason, expected.audience) {
        (Reason::WrongAudience, Audience::Broker) => denial.expected([expected.public_url.to_owned()]),
        (Reason::WrongAudience, _) => denial.expected(expected.registry.audiences.iter().cloned()),
        _ => denial,
    }
}

/// Whether all customers of some platform share it.
fn is_shared(audience: &str) -> bool {
    Kind::ALL.iter().any(|kind| kind.audiences.shared == Some(audience))
}
