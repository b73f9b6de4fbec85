//! A value for a claim that satisfies what a policy wants of it, and no deny.

use crate::identity::Claim;
use crate::policy::{Condition, Pattern};

/// Values that someone whom no policy thought of could have.
const OTHERS: [&str; 3] = ["other", "true", "false"];

/// The value of a claim that `allow` matches, if there is such a condition, and that none of the
/// denies does, as far as possible; `None` is absent.
pub(in crate::policy) fn value(allow: Option<&Condition>, denies: &[&Condition]) -> Option<Claim> {
    let candidates: Vec<_> = match allow {
        Some(condition) => condition.any_of.iter().map(sample).collect(),
        None => {
            let others = OTHERS.map(|text| Some(Claim::Text(text.to_owned())));
            std::iter::once(None).chain(others).chain([Some(Claim::List(Vec::new()))]).collect()
        }
    };
    let is_denied = |claim: &&Option<Claim>| denies.iter().any(|deny| deny.denies_claim(claim.as_ref()));
    let harmless = candidates.iter().find(|claim| !is_denied(claim));
    harmless.or(candidates.first()).cloned().flatten()
}

/// A value that the pattern matches.
fn sample(pattern: &Pattern) -> Option<Claim> {
    match pattern {
        Pattern::Exact(exact) => Some(Claim::Text(exact.clone())),
        Pattern::Glob(glob) => Some(Claim::Text(glob.sample())),
        Pattern::Prefix(prefix) => Some(Claim::Text(format!("{prefix}1"))),
        Pattern::Contains(item) => Some(Claim::List(vec![Claim::Text(item.clone())])),
        Pattern::Present(true) => Some(Claim::Text("1".to_owned())),
        Pattern::Present(false) => None,
    }
}
