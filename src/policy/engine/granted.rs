//! What an identity may do with some packages, asked for one by one: a limit on the packages of one
//! token does not narrow what may be published.

use crate::denial::Denial;
use crate::identity::Identity;
use crate::policy::engine::decide::{Modes, decide_among};
use crate::policy::{RequestedScope, Snapshot};
use crate::registry::{Package, Registry};
use crate::token::Scope;

/// What is granted of these packages; if it is nothing, the first denial.
pub(in crate::policy) fn granted<'p>(
    snapshot: &Snapshot,
    identity: &Identity,
    registry: &Registry,
    packages: impl IntoIterator<Item = &'p Package>,
    now: u64,
    modes: Modes,
) -> Result<Scope, Denial> {
    let (mut all, mut first) = (Scope::default(), None);
    for package in packages {
        match decide_among(snapshot, identity, registry, RequestedScope::Package(package), now, modes) {
            Ok(grant) => all.grant(package.clone(), grant.scope.actions(package)),
            Err(denial) => first = first.or(Some(denial)),
        }
    }
    match first {
        Some(denial) if all.is_empty() => Err(denial),
        _ => Ok(all),
    }
}
