//! The decision: which of the snapshot's policies match, and what they grant together.

use std::sync::Arc;

use super::{Condition, Deny, Policy, Snapshot};
use crate::denial::{Denial, Reason};
use crate::identity::kinds::Events;
use crate::identity::{Claim, Identity};
use crate::registry::Registry;
use crate::token::Scope;

/// What the matching policies allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What was asked for, or everything there is.
    pub scope: Scope,
    /// The shortest lifetime among those who contribute, in seconds.
    pub token_ttl: u64,
    /// The policies that contribute, ordered by id.
    pub policies: Vec<Arc<str>>,
}

/// Decides what an identity may do on a registry. All policies that match add up; what is `wanted`
/// and not covered is refused, never silently narrowed.
///
/// # Errors
/// The denial says what would have matched only if a policy's pinned ids are the identity's.
pub fn decide(
    snapshot: &Snapshot,
    identity: &Identity,
    registry: &Registry,
    wanted: Option<&Scope>,
) -> Result<Grant, Denial> {
    refuse_dangerous_event(identity)?;
    let matching = matching_policies(snapshot, identity, registry)?;

    let mut union = Scope::default();
    for policy in &matching {
        for package in &policy.packages {
            union.grant(package.clone(), policy.actions);
        }
    }
    apply_denies(snapshot.denies(), &mut union, identity, registry);
    if union.is_empty() {
        return Err(Denial::new(
            Reason::DeniedByPolicy,
            "a deny rule takes away everything this identity could publish",
        ));
    }
    let scope = match wanted {
        None => union,
        Some(wanted) => covered(&union, wanted)?,
    };

    let contributing: Vec<_> = matching.into_iter().filter(|policy| contributes(policy, &scope)).collect();
    Ok(Grant {
        token_ttl: contributing
            .iter()
            .filter_map(|policy| policy.token_ttl)
            .chain([registry.token_ttl])
            .min()
            .unwrap_or(registry.token_ttl),
        policies: contributing.iter().map(|policy| Arc::clone(&policy.id)).collect(),
        scope,
    })
}

/// Some events run a stranger's code with the repository's rights; no policy can allow them, only
/// the issuer's section.
fn refuse_dangerous_event(identity: &Identity) -> Result<(), Denial> {
    identity.issuer.kind.events.iter().try_for_each(|events| refuse_never_event(events, identity))
}

fn refuse_never_event(events: &Events, identity: &Identity) -> Result<(), Denial> {
    let Some(claim) = identity.claim(events.claim) else { return Ok(()) };
    let Some(event) = claim.canonical() else {
        return Err(Denial::new(
            Reason::InvalidClaim,
            format!("the ID token's `{}` names no single event", events.claim),
        )
        .claim(events.claim));
    };
    if events.never.contains(&&*event) && !identity.issuer.allows_event(&event) {
        return Err(Denial::new(
            Reason::DangerousEvent,
            format!("a run whose `{}` is \"{event}\" may not publish: {}", events.claim, events.advice),
        )
        .claim(events.claim)
        .received(event)
        .expected(events.default.iter().map(|&event| event.to_owned())));
    }
    Ok(())
}

fn matching_policies<'s>(
    snapshot: &'s Snapshot,
    identity: &Identity,
    registry: &Registry,
) -> Result<Vec<&'s Policy>, Denial> {
    let mut matching = Vec::new();
    let mut nearest: Option<(usize, Miss<'s>)> = None;
    for policy in snapshot.candidates(identity, registry) {
        match miss(policy, identity) {
            None => matching.push(policy),
            Some((distance, miss)) if nearest.as_ref().is_none_or(|(least, _)| distance < *least) => {
                nearest = Some((distance, miss));
            }
            Some(_) => {}
        }
    }
    if !matching.is_empty() {
        return Ok(matching);
    }
    Err(match nearest {
        Some((_, Miss::Mismatch(condition))) => mismatch(condition, identity),
        Some((_, Miss::Denied(group))) => denied(group, identity),
        None => no_matching_policy(identity, registry),
    })
}

/// Why a policy whose pins match grants nothing.
enum Miss<'p> {
    Mismatch(&'p Condition),
    Denied(&'p [Condition]),
}

/// How far a policy is from matching, and the first reason; `None` if it matches.
fn miss<'p>(policy: &'p Policy, identity: &Identity) -> Option<(usize, Miss<'p>)> {
    let mut failed = policy.conditions.iter().filter(|condition| !condition.allows(identity));
    if let Some(first) = failed.next() {
        return Some((1 + failed.count(), Miss::Mismatch(first)));
    }
    policy
        .denies
        .iter()
        .find(|group| group.iter().all(|condition| condition.denies(identity)))
        .map(|group| (0, Miss::Denied(group)))
}

fn apply_denies(denies: &[Deny], union: &mut Scope, identity: &Identity, registry: &Registry) {
    for deny in denies.iter().filter(|deny| deny.applies(identity, registry)) {
        let gone: Vec<_> = union
            .iter()
            .filter(|(package, _)| deny.names(package, registry))
            .map(|(package, _)| package.clone())
            .collect();
        for package in gone {
            union.remove(&package);
        }
    }
}

fn covered(union: &Scope, wanted: &Scope) -> Result<Scope, Denial> {
    let uncovered = union.uncovered(wanted);
    if uncovered.is_empty() {
        return Ok(wanted.clone());
    }
    let names: Vec<_> = uncovered.iter().take(5).map(|package| package.as_str()).collect();
    Err(Denial::new(
        Reason::NotCovered,
        format!("the policies that match do not cover what was asked for: {}", names.join(", ")),
    ))
}

fn contributes(policy: &Policy, scope: &Scope) -> bool {
    policy.packages.iter().any(|package| policy.actions.overlaps(scope.actions(package)))
}

fn mismatch(condition: &Condition, identity: &Identity) -> Denial {
    let expected = condition.expected();
    let received = identity.claim(&condition.claim).and_then(Claim::canonical);
    let wanted = match expected.as_slice() {
        [one] => format!("expected \"{one}\""),
        several => format!("expected one of {several:?}"),
    };
    let detail = match &received {
        Some(received) => {
            format!("claim `{}` does not match: {wanted}, received \"{}\"", condition.claim, clip(received))
        }
        None => {
            format!("claim `{}` does not match: {wanted}, and the token does not have it", condition.claim)
        }
    };
    let denial = Denial::new(Reason::ClaimMismatch, detail).claim(condition.claim.clone()).expected(expected);
    match received {
        Some(received) => denial.received(received),
        None => denial,
    }
}

fn denied(group: &[Condition], identity: &Identity) -> Denial {
    let denial =
        Denial::new(Reason::DeniedByPolicy, "a deny rule of the policy that would have matched applies");
    let Some(condition) = group.first() else { return denial };
    let denial = denial.claim(condition.claim.clone());
    match identity.claim(&condition.claim).and_then(Claim::canonical) {
        Some(received) => denial.received(received),
        None => denial,
    }
}

/// Names nothing but the caller's own claims: whether somebody else has a policy is nobody's business.
fn no_matching_policy(identity: &Identity, registry: &Registry) -> Denial {
    let pins: Vec<_> =
        identity.pins().iter().map(|pin| format!("{} = \"{}\"", pin.name, clip(&pin.value))).collect();
    Denial::new(
        Reason::NoMatchingPolicy,
        format!("no policy of registry \"{}\" is about an identity with {}", registry.id, pins.join(", ")),
    )
}

fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}
