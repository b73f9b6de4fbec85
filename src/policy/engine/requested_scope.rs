//! How much of what the policies grant is asked for.

use crate::denial::{Denial, Reason};
use crate::policy::Policy;
use crate::registry::Package;
use crate::token::Scope;

/// How much of what the policies grant a client asks for.
#[derive(Clone, Copy, Debug)]
pub enum RequestedScope<'w> {
    /// All of it.
    Everything,
    /// Exactly this, or nothing.
    Exactly(&'w Scope),
    /// Whatever may be done with this package, or nothing.
    Package(&'w Package),
}

impl<'w> From<Option<&'w Scope>> for RequestedScope<'w> {
    fn from(scope: Option<&'w Scope>) -> Self {
        scope.map_or(Self::Everything, Self::Exactly)
    }
}

impl RequestedScope<'_> {
    /// Whether a policy speaks about any of it.
    pub(in crate::policy) fn concerns(self, policy: &Policy) -> bool {
        match self {
            Self::Everything => true,
            Self::Exactly(scope) => policy.touches(scope),
            Self::Package(package) => policy.packages.contains(package),
        }
    }

    /// How many packages are named; `None`: none is.
    pub(in crate::policy) fn packages(self) -> Option<usize> {
        match self {
            Self::Everything => None,
            Self::Exactly(scope) => Some(scope.len()),
            Self::Package(_) => Some(1),
        }
    }

    /// What is asked for, out of everything that there is. It is never silently narrowed.
    ///
    /// # Errors
    /// `not_covered`.
    pub(in crate::policy) fn of(self, union: Scope) -> Result<Scope, Denial> {
        match self {
            Self::Everything => Ok(union),
            Self::Exactly(scope) => {
                let uncovered = union.uncovered(scope);
                if uncovered.is_empty() { Ok(scope.clone()) } else { Err(not_covered(&uncovered)) }
            }
            Self::Package(package) => {
                let actions = union.actions(package);
                if actions.is_empty() {
                    return Err(not_covered(&[package]));
                }
                Ok(Scope::from_iter([(package.clone(), actions)]))
            }
        }
    }
}

fn not_covered(uncovered: &[&Package]) -> Denial {
    let names: Vec<_> = uncovered.iter().take(5).map(|package| package.as_str()).collect();
    Denial::new(
        Reason::NotCovered,
        format!("the policies that match do not cover what was asked for: {}", names.join(", ")),
    )
}
