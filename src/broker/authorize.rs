//! May the bearer of this token do this? What a proxy asks before it passes a request on.

use super::{Active, Broker, Introspection};
use crate::denial::{Denial, Reason};
use crate::registry::Registry;
use crate::registry::kinds::AccessRequest;

impl Broker {
    /// Whether a token fulfils a access: it is live, as [`Broker::introspect`] says, and its scope
    /// covers the package. A request that does not name its package passes only where the operator
    /// chose so, and then with a token that may do the same to some package.
    ///
    /// # Errors
    /// The token is not a live one of this registry, its scope does not cover the access, or no one can
    /// say so at the moment.
    pub async fn authorize(
        &self,
        registry: &Registry,
        token: &str,
        access: &AccessRequest,
    ) -> Result<Active, Denial> {
        let Introspection::Active(active) = self.introspect(registry, token).await? else {
            return Err(Denial::new(
                Reason::InvalidToken,
                "the credential is not a live token of this registry: it has expired, was revoked, or never was one",
            ));
        };
        let scope = &active.record.scope;
        let covered = match &access.package {
            Some(package) => scope.actions(package).covers(access.actions),
            None if registry.unchecked_package => {
                scope.iter().any(|(_, actions)| actions.covers(access.actions))
            }
            None => {
                let detail = "the request does not name its package in its path; the operator can let such requests \
                     through with `unchecked_package`";
                return Err(Denial::new(Reason::NotCovered, detail));
            }
        };
        if covered { Ok(active) } else { Err(Denial::new(Reason::NotCovered, not_covered(access))) }
    }
}

fn not_covered(access: &AccessRequest) -> String {
    match &access.package {
        Some(package) => format!("the token is not for \"{}\" of \"{package}\"", access.actions),
        None => format!("the token is not for \"{}\" of any package", access.actions),
    }
}
