//! Which `aud` values an ID token may carry.

use crate::denial::{Denial, Reason};
use crate::identity::{IssuerSettings, Kind};
use crate::registry::Registry;

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

/// The audiences that are accepted of one issuer's tokens, for one registry.
pub(super) struct Accepted<'a> {
    pub(super) whose: Audience,
    pub(super) issuer: &'a IssuerSettings,
    pub(super) registry: &'a Registry,
    /// The broker's own identifier.
    pub(super) own: &'a str,
}

impl Accepted<'_> {
    pub(super) fn contains(&self, audience: &str) -> bool {
        // Every customer of a platform has tokens for it, so no registry's list makes it anybody's.
        if is_shared(audience) {
            let of_this_issuer = self.issuer.kind.shared_audience == Some(audience);
            return of_this_issuer && self.issuer.accept_shared_audience && self.whose != Audience::Broker;
        }
        let is_registrys = || self.registry.audiences.iter().any(|known| known == audience);
        match self.whose {
            Audience::Registry => is_registrys(),
            Audience::RegistryOrBroker => audience == self.own || is_registrys(),
            Audience::Broker => audience == self.own,
        }
    }

    /// Adds to a refusal what would have been accepted.
    pub(super) fn explain(&self, denial: Denial) -> Denial {
        if denial.reason != Reason::WrongAudience {
            return denial;
        }
        let mut denial = match self.whose {
            Audience::Broker => denial.expected([self.own.to_owned()]),
            _ => denial.expected(self.registry.audiences.iter().cloned()),
        };
        if denial.received.as_deref().is_some_and(is_shared) {
            denial.detail = "the ID token has the audience that all customers of its platform share; \
                             an operator can accept that with `accept_shared_audience`"
                .into();
        }
        denial
    }
}

/// Whether all customers of some platform share it.
fn is_shared(audience: &str) -> bool {
    Kind::ALL.iter().any(|kind| kind.shared_audience == Some(audience))
}
