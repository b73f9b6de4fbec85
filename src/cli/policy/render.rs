//! An explanation as people read it.

use serde::Serialize;

use super::printable;
use crate::cli::say;
use crate::policy::tools::explain::{Checked, Decision, Explanation, NotConsidered, Placed, State};

/// The answer, one explanation for each registry.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// Whether the issuer's signature was verified.
    pub(super) verified: bool,
    /// Why there is no identity to explain anything about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Decision>,
    pub(super) explanations: Vec<Explanation>,
}

pub(super) fn answer(answer: &Answer) {
    if let Some(refused) = &answer.refused {
        say!("result    {}", result(refused));
        return;
    }
    if answer.verified {
        say!("token     verified with the issuer's keys");
    } else {
        say!("token     NOTHING WAS VERIFIED: anyone can have written these claims");
    }
    for one in &answer.explanations {
        explanation(one);
    }
}

fn explanation(explanation: &Explanation) {
    say!("identity  {}", printable(&explanation.subject));
    say!("registry  {}", explanation.registry);
    for policy in &explanation.policies {
        considered(policy);
    }
    more(explanation.more_policies, "with the same pins");
    for deny in &explanation.denies {
        let what =
            if deny.packages.is_empty() { "every package".to_owned() } else { deny.packages.join(", ") };
        say!("deny      takes away {what}  ({})", deny.at);
    }
    for policy in &explanation.not_considered {
        not_considered(policy);
    }
    more(explanation.more_not_considered, "that pin someone else");
    say!("result    {}", result(&explanation.decision));
    say!("snapshot  {}", explanation.digest);
    for fix in &explanation.fixes {
        match &fix.at {
            Some(at) => say!("fix       {at}: {}", printable(&fix.advice)),
            None => say!("fix       {}", printable(&fix.advice)),
        }
    }
    say!();
}

fn considered(Placed { considered, at, conditions_at }: &Placed) {
    let (failed, all) = (considered.failed().count(), considered.conditions.len());
    let verdict = match (failed, considered.denied_by.len()) {
        _ if considered.state == State::Expired => "expired".to_owned(),
        (0, 0) if considered.state == State::Audit => "would match, in audit mode".to_owned(),
        (0, 0) => "matches".to_owned(),
        (0, _) => "all conditions hold, but a deny of its own applies".to_owned(),
        _ => format!("{failed} of {all} conditions do not hold"),
    };
    say!("policy    {}: {verdict}  ({at})", considered.id);
    let width =
        considered.conditions.iter().map(|condition| condition.claim.chars().count()).max().unwrap_or(0);
    for (condition, at) in considered.conditions.iter().zip(conditions_at) {
        let claim = &condition.claim;
        if condition.holds {
            say!("  ok      {claim:width$}  {}", received(condition));
        } else {
            let at = at.as_deref().unwrap_or("a rule of the issuer's kind");
            say!(
                "  FAILED  {claim:width$}  {}, expected {}  ({at})",
                received(condition),
                expected(condition)
            );
        }
    }
    for group in &considered.denied_by {
        let claims: Vec<_> =
            group.iter().map(|condition| format!("{} {}", condition.claim, received(condition))).collect();
        say!("  DENY    {}", claims.join(", "));
    }
}

fn not_considered(policy: &NotConsidered) {
    let pins: Vec<_> = policy
        .differs
        .iter()
        .map(|pin| format!("{} is {}, not {}", pin.claim, received(pin), expected(pin)))
        .collect();
    say!("policy    {}: not considered, {}  ({})", policy.id, pins.join(", "), policy.at);
}

fn more(number: usize, which: &str) {
    if number > 0 {
        say!("          and {number} more policies {which}");
    }
}

fn received(condition: &Checked) -> String {
    match &condition.received {
        Some(received) => format!("\"{}\"", printable(received)),
        None => "(absent)".to_owned(),
    }
}

fn expected(condition: &Checked) -> String {
    match condition.expected.as_slice() {
        [one] => format!("\"{one}\""),
        several => format!("one of {several:?}"),
    }
}

fn result(decision: &Decision) -> String {
    match (&decision.grant, &decision.reason, &decision.detail) {
        (Some(grant), ..) => {
            format!("ALLOWED {}  for {} s, by {}", grant.scope, grant.expires_in, grant.policies.join(", "))
        }
        (None, Some(reason), Some(detail)) => format!("DENIED {reason}: {}", printable(detail)),
        _ => "DENIED".to_owned(),
    }
}
