//! What conditions say about each other, whatever the identity.

use crate::policy::{Condition, Pattern};

/// Whether a claim of this value meets the condition.
pub(in crate::policy) fn matches(condition: &Condition, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    condition.any_of.iter().any(|pattern| match pattern {
        Pattern::Exact(exact) if condition.case_insensitive => exact.eq_ignore_ascii_case(value),
        Pattern::Exact(exact) => exact == value,
        Pattern::Glob(glob) => glob.matches(if condition.case_insensitive { &lower } else { value }),
        Pattern::Prefix(prefix) if condition.case_insensitive => begins(&lower, &prefix.to_ascii_lowercase()),
        Pattern::Prefix(prefix) => begins(value, prefix),
        Pattern::Present(wanted) => *wanted,
        Pattern::Contains(_) => false,
    })
}

fn begins(value: &str, prefix: &str) -> bool {
    value.len() > prefix.len() && value.starts_with(prefix)
}

/// Whether every identity that meets the conditions of a policy meets this one too.
pub(in crate::policy) fn is_implied(wanted: &Condition, policy: &[Condition]) -> bool {
    let same_claim = policy.iter().filter(|condition| condition.claim == wanted.claim);
    same_claim.into_iter().any(|condition| {
        condition.any_of.iter().all(|pattern| match pattern {
            Pattern::Exact(value) => matches(wanted, value),
            // Whatever has a value is there.
            Pattern::Glob(_) | Pattern::Prefix(_) | Pattern::Contains(_) => {
                wanted.any_of.contains(pattern) || wanted.any_of.contains(&Pattern::Present(true))
            }
            Pattern::Present(_) => wanted.any_of.contains(pattern),
        })
    })
}

/// Whether no identity can meet the conditions of both.
pub(in crate::policy) fn are_disjoint(one: &[Condition], other: &[Condition]) -> bool {
    one.iter().any(|a| other.iter().any(|b| a.claim == b.claim && exclude_each_other(a, b)))
}

fn exclude_each_other(a: &Condition, b: &Condition) -> bool {
    let pairs = a.any_of.iter().flat_map(|x| b.any_of.iter().map(move |y| (x, y)));
    pairs.into_iter().all(|(x, y)| match (x, y) {
        (Pattern::Present(x), Pattern::Present(y)) => x != y,
        (Pattern::Present(present), _) | (_, Pattern::Present(present)) => !present,
        (Pattern::Exact(value), pattern) => !matches(&only(b, pattern), value),
        (pattern, Pattern::Exact(value)) => !matches(&only(a, pattern), value),
        (x, y) => match (head(x), head(y)) {
            (Some(x), Some(y)) if !a.case_insensitive => !x.starts_with(y) && !y.starts_with(x),
            _ => false,
        },
    })
}

fn only(condition: &Condition, pattern: &Pattern) -> Condition {
    Condition { any_of: [pattern.clone()].into(), ..condition.clone() }
}

/// What every value that matches begins with.
fn head(pattern: &Pattern) -> Option<&str> {
    match pattern {
        Pattern::Glob(glob) => glob.as_str().split('*').next(),
        Pattern::Prefix(prefix) => Some(prefix),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Glob;
    use crate::policy::tools::lint::implied::*;

    fn on(any_of: Vec<Pattern>) -> Condition {
        Condition { claim: "ref".into(), any_of: any_of.into(), case_insensitive: false, line: None }
    }

    fn exact(value: &str) -> Pattern {
        Pattern::Exact(value.to_owned())
    }

    fn glob(pattern: &str) -> Pattern {
        Pattern::Glob(Box::new(Glob::parse(pattern).expect("a glob")))
    }

    #[test]
    fn condition_met_by_each_match_is_implied() {
        let implied = |wanted, had| is_implied(&on(vec![wanted]), &[on(had)]);
        assert!(implied(exact("a"), vec![exact("a")]));
        assert!(!implied(exact("a"), vec![exact("a"), exact("b")]));
        assert!(implied(glob("refs/tags/*"), vec![exact("refs/tags/v1")]));
        assert!(implied(Pattern::Present(true), vec![glob("refs/*")]));
        assert!(!implied(exact("refs/tags/v1"), vec![glob("refs/tags/*")]));
        assert!(!implied(Pattern::Present(true), vec![Pattern::Present(false)]));
        assert!(!is_implied(&on(vec![exact("a")]), &[]));
    }

    #[test]
    fn unsatisfiable_conditions_are_disjoint() {
        let disjoint = |a, b| are_disjoint(&[on(a)], &[on(b)]);
        assert!(disjoint(vec![exact("a")], vec![exact("b"), exact("c")]));
        assert!(!disjoint(vec![exact("a")], vec![exact("b"), exact("a")]));
        assert!(disjoint(vec![glob("refs/tags/core/v*")], vec![glob("refs/tags/cli/v*")]));
        assert!(!disjoint(vec![glob("refs/tags/v*")], vec![glob("refs/tags/v1.*")]));
        assert!(disjoint(vec![exact("refs/heads/main")], vec![glob("refs/tags/*")]));
        assert!(disjoint(vec![Pattern::Present(false)], vec![exact("a")]));
        assert!(!disjoint(vec![Pattern::Present(true)], vec![exact("a")]));
    }
}
