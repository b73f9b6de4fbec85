//! Which conditions of a policy some test exercises: those that alone turned a decision.

use crate::identity::Identity;
use crate::policy::tools::testing::outcome::{Said, Why};
use crate::policy::{Condition, Policy};

/// What of a policy was exercised so far.
pub(in crate::policy) struct Coverage<'p> {
    policy: &'p Policy,
    conditions: Vec<bool>,
    denies: Vec<bool>,
}

impl<'p> Coverage<'p> {
    pub(in crate::policy) fn of(policy: &'p Policy) -> Self {
        Self {
            policy,
            conditions: vec![false; policy.conditions.len()],
            denies: vec![false; policy.denies.len()],
        }
    }

    /// Notes what a decision shows. If several conditions failed, none of them alone turned it.
    pub(in crate::policy) fn note(&mut self, said: &Said) {
        match (&said.identity, &said.outcome) {
            (Some(identity), _) if !said.allows_something() => self.note_identity(identity),
            // No identity without the pins.
            (None, Err(Why::Denied(denial))) => {
                let place = self
                    .policy
                    .conditions
                    .iter()
                    .position(|condition| denial.claim.as_deref() == Some(&*condition.claim));
                if let Some(place) = place {
                    self.conditions[place] = true;
                }
            }
            _ => {}
        }
    }

    fn note_identity(&mut self, identity: &Identity) {
        let failed = |condition: &Condition| !condition.allows(identity);
        let failed: Vec<_> = places(&self.policy.conditions, failed).collect();
        let applied: Vec<_> =
            places(&self.policy.denies, |group| group.iter().all(|condition| condition.denies(identity)))
                .collect();
        match (failed.as_slice(), applied.as_slice()) {
            ([condition], []) => self.conditions[*condition] = true,
            ([], [deny]) => self.denies[*deny] = true,
            _ => {}
        }
    }

    /// How many conditions and denies are written in the policy.
    pub(in crate::policy) fn len(&self) -> usize {
        self.written().count() + self.denies.len()
    }

    /// Those that nothing exercised, as a person names them.
    pub(in crate::policy) fn unexercised(&self) -> Vec<String> {
        let conditions =
            self.written().filter(|(place, _)| !self.conditions[*place]).map(|(_, claim)| claim.to_owned());
        let denies = self.policy.denies.iter().zip(&self.denies).filter(|(_, exercised)| !**exercised);
        let denies = denies.map(|(group, _)| {
            let claims: Vec<_> = group.iter().map(|condition| &*condition.claim).collect();
            format!("the deny of {}", claims.join(" and "))
        });
        conditions.chain(denies).collect()
    }

    /// The kind's own rules are not the policy's to test.
    fn written(&self) -> impl Iterator<Item = (usize, &str)> {
        let all = self.policy.conditions.iter().enumerate();
        all.filter(|(_, condition)| condition.line.is_some())
            .map(|(place, condition)| (place, &*condition.claim))
    }
}

fn places<T>(all: &[T], holds: impl Fn(&T) -> bool) -> impl Iterator<Item = usize> {
    all.iter().enumerate().filter(move |(_, one)| holds(one)).map(|(place, _)| place)
}
