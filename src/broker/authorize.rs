//! May the bearer of this token do this? What a proxy asks before it passes a request on.

use super::{Active, Broker, Introspection};
use crate::denial::{Denial, Reason};
use crate::registry::{Package, Registry};
use crate::token::{Actions, Scope};

/// What a request at a registry is about to do.
#[derive(Debug)]
pub struct Demand {
    /// A token must hold all of these; there are several where the request leaves open which it is.
    pub actions: Actions,
    /// What it is about to do it to; `None`: the request's body says so, and nobody here reads it.
    pub package: Option<Package>,
}

impl Demand {
    /// The scope that fulfils it, where it can be named.
    pub fn scope(&self) -> Option<Scope> {
        let package = self.package.clone()?;
        Some(Scope::from_iter([(package, self.actions)]))
    }
}

impl Broker {
    /// Whether a token fulfils a demand: it is live, as [`Broker::introspect`] says, and its scope
    /// covers the package. A request that does not name its package passes only where the operator
    /// chose so, and then with a token that may do the same to some package.
    ///
    /// # Errors
    /// The token is no live one of this registry, its scope does not cover the demand, or nobody can
    /// say so at the moment.
    pub async fn authorize(
        &self,
        registry: &Registry,
        token: &str,
        demand: &Demand,
    ) -> Result<Active, Denial> {
        let Introspection::Active(active) = self.introspect(registry, token).await? else {
            return Err(Denial::new(
                Reason::InvalidToken,
                "the credential is no live token of this registry: it has expired, was revoked, or never was one",
            ));
        };
        let scope = &active.record.scope;
        let covered = match &demand.package {
            Some(package) => scope.actions(package).covers(demand.actions),
            None if registry.unchecked_package => {
                scope.iter().any(|(_, actions)| actions.covers(demand.actions))
            }
            None => {
                let detail = "the request does not name its package in its path; the operator can let such requests \
                     through with `unchecked_package`";
                return Err(Denial::new(Reason::NotCovered, detail));
            }
        };
        if covered { Ok(active) } else { Err(Denial::new(Reason::NotCovered, not_covered(demand))) }
    }
}

fn not_covered(demand: &Demand) -> String {
    match &demand.package {
        Some(package) => format!("the token is not for \"{}\" of \"{package}\"", demand.actions),
        None => format!("the token is not for \"{}\" of any package", demand.actions),
    }
}
