//! The decision: which of the snapshot's policies match, and what they grant together.

use std::sync::Arc;

use crate::denial::{Denial, Reason};
use crate::identity::kinds::EventRule;
use crate::identity::{Claim, Identity};
use crate::policy::{Condition, Mode, Policy, RequestedScope, Snapshot};
use crate::registry::Registry;
use crate::token::Scope;

/// What the matching policies allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What was asked for, or everything there is.
    pub scope: Scope,
    /// The shortest lifetime that a limit allows, in seconds.
    pub token_ttl: u64,
    /// When the first of the policies that contribute expires, in seconds since the epoch.
    pub expires: Option<u64>,
    /// The policies that contribute, ordered by id.
    pub policies: Vec<Arc<str>>,
    /// For each policy that limits it: how many tokens one run may mint.
    pub tokens_per_run: Vec<(Arc<str>, u32)>,
}

/// Which policies have a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Modes {
    /// Those that are enforced.
    Enforced,
    /// Those in audit mode too.
    All,
}

/// Decides what an identity may do on a registry at an instant, in seconds since the epoch. All
/// policies that match add up; what is `wanted` and not covered is refused, never silently narrowed.
///
/// # Errors
/// The denial says what would have matched only if a policy's pinned ids are the identity's.
pub fn decide(
    snapshot: &Snapshot,
    identity: &Identity,
    registry: &Registry,
    wanted: RequestedScope<'_>,
    now: u64,
) -> Result<Grant, Denial> {
    decide_among(snapshot, identity, registry, wanted, now, Modes::Enforced)
}

/// See [`decide`].
pub(in crate::policy) fn decide_among(
    snapshot: &Snapshot,
    identity: &Identity,
    registry: &Registry,
    wanted: RequestedScope<'_>,
    now: u64,
    modes: Modes,
) -> Result<Grant, Denial> {
    refuse_dangerous_event(identity)?;
    let candidates = snapshot.candidates(identity, registry);
    let candidates = candidates.filter(|policy| modes == Modes::All || policy.mode == Mode::Enforce);
    let matching = matching_policies(candidates, identity, registry, now)?;

    // A deny takes grants and never a limit, so that it opens nothing that a limit closed: limits are
    // judged as if there were none.
    let all = matching.granting.iter().chain(&matching.void).copied();
    let limiting: Vec<_> = all.filter(|policy| wanted.concerns(policy)).collect();

    let mut union = union_of(matching.granting.iter().copied());
    snapshot.apply_denies(&mut union, identity, registry);
    if union.is_empty() {
        return Err(Denial::new(
            Reason::DeniedByPolicy,
            "a deny rule takes away everything this identity could publish",
        ));
    }
    let scope = wanted.of(union)?;
    refuse_too_many_packages(&limiting, wanted)?;

    let contributing = || matching.granting.iter().filter(|policy| policy.touches(&scope));
    let ttls = limiting.iter().filter_map(|policy| policy.limits.token_ttl);
    let run_limit = |policy: &&Policy| Some((Arc::clone(&policy.id), policy.limits.tokens_per_run?));
    Ok(Grant {
        token_ttl: ttls.fold(registry.token_ttl, u64::min),
        expires: contributing().filter_map(|policy| policy.expires).min(),
        policies: contributing().map(|policy| Arc::clone(&policy.id)).collect(),
        tokens_per_run: limiting.iter().filter_map(run_limit).collect(),
        scope,
    })
}

fn union_of<'p>(policies: impl Iterator<Item = &'p Policy>) -> Scope {
    let mut union = Scope::default();
    for policy in policies {
        for package in &policy.packages {
            union.grant(package.clone(), policy.actions);
        }
    }
    union
}

/// A token is for at most as many packages as the strictest policy says.
fn refuse_too_many_packages(limiting: &[&Policy], wanted: RequestedScope<'_>) -> Result<(), Denial> {
    let limits = limiting.iter().filter_map(|policy| policy.limits.packages_per_token);
    let Some(most) = limits.min() else { return Ok(()) };
    let (what, packages) = match wanted.packages() {
        Some(named) => ("what was asked for", named),
        None => ("what the policies list together", union_of(limiting.iter().copied()).len()),
    };
    if packages <= most as usize {
        return Ok(());
    }
    let detail = format!(
        "{what} has {packages} packages, and a token is for at most {most}; name fewer of them in `scope`"
    );
    Err(Denial::new(Reason::NotCovered, detail))
}

/// Some events run a stranger's code with the repository's rights; no policy can allow them, only
/// the issuer's section.
fn refuse_dangerous_event(identity: &Identity) -> Result<(), Denial> {
    identity.issuer.kind.events.iter().try_for_each(|rule| refuse_forbidden_event(rule, identity))
}

fn refuse_forbidden_event(rule: &EventRule, identity: &Identity) -> Result<(), Denial> {
    let Some(claim) = identity.claim(rule.claim) else { return Ok(()) };
    let Some(event) = claim.canonical() else {
        return Err(Denial::new(
            Reason::InvalidClaim,
            format!("the ID token's `{}` names no single event", rule.claim),
        )
        .claim(rule.claim));
    };
    if rule.forbidden.contains(&&*event) && !identity.issuer.allows_event(&event) {
        return Err(Denial::new(
            Reason::DangerousEvent,
            format!("a run whose `{}` is \"{event}\" may not publish: {}", rule.claim, rule.advice),
        )
        .claim(rule.claim)
        .received(event)
        .expected(rule.default.iter().map(|&event| event.to_owned())));
    }
    Ok(())
}

/// The policies whose conditions hold.
struct Matching<'s> {
    granting: Vec<&'s Policy>,
    /// A deny of their own makes them grant nothing.
    void: Vec<&'s Policy>,
}

fn matching_policies<'s>(
    candidates: impl Iterator<Item = &'s Policy>,
    identity: &Identity,
    registry: &Registry,
    now: u64,
) -> Result<Matching<'s>, Denial> {
    let mut matching = Matching { granting: Vec::new(), void: Vec::new() };
    let mut nearest: Option<(usize, Miss<'s>)> = None;
    let mut expired = false;
    for policy in candidates {
        if policy.is_expired(now) {
            expired = true;
            continue;
        }
        let Some((distance, miss)) = miss(policy, identity) else {
            matching.granting.push(policy);
            continue;
        };
        if matches!(miss, Miss::Denied(_)) {
            matching.void.push(policy);
        }
        if nearest.as_ref().is_none_or(|(least, _)| distance < *least) {
            nearest = Some((distance, miss));
        }
    }
    if !matching.granting.is_empty() {
        return Ok(matching);
    }
    Err(match nearest {
        Some((_, Miss::Mismatch(condition))) => mismatch(condition, identity),
        Some((_, Miss::Denied(group))) => denied(group, identity),
        None if expired => {
            Denial::new(Reason::NoMatchingPolicy, "the policies about this identity have expired")
        }
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
    let denial =
        Denial::new(Reason::ClaimMismatch, detail).claim(condition.claim.to_string()).expected(expected);
    match received {
        Some(received) => denial.received(received),
        None => denial,
    }
}

fn denied(group: &[Condition], identity: &Identity) -> Denial {
    let denial =
        Denial::new(Reason::DeniedByPolicy, "a deny rule of the policy that would have matched applies");
    let Some(condition) = group.first() else { return denial };
    let denial = denial.claim(condition.claim.to_string());
    match identity.claim(&condition.claim).and_then(Claim::canonical) {
        Some(received) => denial.received(received),
        None => denial,
    }
}

/// Names nothing but the caller's own claims: whether someone else has a policy is no one's business.
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
