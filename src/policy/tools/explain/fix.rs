//! What would change a denial, with the file and line; for operators only.

use serde::Serialize;

use crate::denial::{Denial, Reason};
use crate::identity::Identity;
use crate::policy::tools::explain::{Checked, Considered, NotConsidered, State, file_and_line, placed};
use crate::policy::{Deny, Policy};

/// One way to change a denial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// The place to look at: `file:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What to do.
    pub advice: String,
}

impl Fix {
    fn at(at: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { at: Some(at.into()), advice: advice.into() }
    }

    fn elsewhere(advice: impl Into<String>) -> Self {
        Self { at: None, advice: advice.into() }
    }
}

/// What would change this denial.
pub(in crate::policy) fn fixes(
    denial: &Denial,
    identity: &Identity,
    considered: &[(Considered, &Policy)],
    denies: &[&Deny],
    near: &[NotConsidered],
) -> Vec<Fix> {
    match denial.reason {
        Reason::DangerousEvent => vec![Fix::elsewhere(format!(
            "start the job from another event; or name this one in `allow_events` of [issuers.{}], \
             if it runs no one else's code",
            identity.issuer.id
        ))],
        Reason::NoMatchingPolicy => {
            let idle = considered.iter().map(|(considered, policy)| of_state(considered.state, policy));
            idle.chain(of_pins(near)).collect()
        }
        Reason::NotCovered => {
            let granting = considered.iter().filter(|(considered, _)| considered.matches);
            granting.map(|(_, policy)| of_coverage(policy)).chain(denies.iter().map(of_deny)).collect()
        }
        Reason::ClaimMismatch | Reason::DeniedByPolicy => match considered.first() {
            Some((considered, policy)) if !considered.matches && considered.state == State::Enforced => {
                of_conditions(considered, policy)
            }
            _ => denies.iter().map(of_deny).collect(),
        },
        _ => Vec::new(),
    }
}

fn of_state(state: State, policy: &Policy) -> Fix {
    let advice = match state {
        State::Expired => "has expired; move `expires`",
        State::Audit => "is in audit mode; write `mode = \"enforce\"`",
        State::Enforced => "is enforced",
    };
    Fix::at(file_and_line(&policy.position), format!("policy \"{}\" {advice}", policy.id))
}

fn of_pins(near: &[NotConsidered]) -> Vec<Fix> {
    let scaffold = Fix::elsewhere("write a policy for this identity: `trustmint policy scaffold` begins one");
    let close = near.first().filter(|policy| policy.differs.len() == 1).map(|policy| {
        let what = policy.differs.iter().map(|pin| format!("`{}`", pin.claim)).collect::<String>();
        Fix::at(&policy.at, format!("the nearest policy, \"{}\", pins another {what}", policy.id))
    });
    close.into_iter().chain([scaffold]).collect()
}

/// Of the nearest policy: each condition that does not hold, or each deny that applies.
fn of_conditions(considered: &Considered, policy: &Policy) -> Vec<Fix> {
    let placed = placed((considered.clone(), policy));
    let with_places = considered.conditions.iter().zip(placed.conditions_at);
    let failed = with_places.filter(|(condition, _)| !condition.holds).map(|(condition, at)| match at {
        Some(at) => Fix::at(at, format!("{}; change the job, or this line", has(condition))),
        None => Fix::at(
            &placed.at,
            format!(
                "{}, which the issuer's kind allows only where a policy says so; change the job, or name it \
                 as `{}` of this policy",
                has(condition),
                condition.claim
            ),
        ),
    });
    let denied = considered.denied_by.iter().map(|group| {
        let claims: Vec<_> = group.iter().map(has).collect();
        Fix::at(&placed.at, format!("a deny of this policy applies: {}", claims.join(", ")))
    });
    failed.chain(denied).collect()
}

fn has(condition: &Checked) -> String {
    match &condition.received {
        Some(received) => format!("the job has `{}` \"{received}\"", condition.claim),
        None => format!("the job has no `{}`", condition.claim),
    }
}

fn of_coverage(policy: &Policy) -> Fix {
    let advice =
        format!("policy \"{}\" matches; add to its `packages` or `actions`, or ask for less", policy.id);
    Fix::at(file_and_line(&policy.position), advice)
}

fn of_deny(deny: &&Deny) -> Fix {
    let what = if deny.packages.is_empty() { "every package".to_owned() } else { deny.packages.join(", ") };
    Fix::at(file_and_line(&deny.position), format!("this deny takes away {what}"))
}
