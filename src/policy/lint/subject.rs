//! One policy as the rules see it.

use crate::document::{Code, Position, Section};
use crate::identity::IssuerSettings;
use crate::policy::{Condition, Pattern, Policy, Vocabulary};
use crate::registry::Registry;

/// A policy, and what is written about it.
pub(super) struct Subject<'s> {
    pub(super) policy: &'s Policy,
    pub(super) issuer: &'s IssuerSettings,
    pub(super) registry: &'s Registry,
    /// `[policy.match]`.
    table: Section<'s>,
    section: &'s Section<'s>,
}

/// What a rule found.
pub(super) struct Finding {
    pub(super) code: Code,
    /// The claim in `[policy.match]` that it is about; `None`: the whole policy.
    pub(super) claim: Option<String>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Finding {
    /// A finding about the whole policy.
    pub(super) fn new(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, claim: None, message: message.into(), help: Some(help.into()) }
    }

    /// The same about one condition.
    pub(super) fn on(self, claim: &str) -> Self {
        Self { claim: Some(claim.to_owned()), ..self }
    }
}

impl<'s> Subject<'s> {
    pub(super) fn new(
        section: &'s Section<'s>,
        policy: &'s Policy,
        vocabulary: &'s Vocabulary,
    ) -> Option<Self> {
        let issuer = vocabulary.issuers.get(&policy.issuer)?;
        let registry = vocabulary.registries.by_id(&policy.registry)?;
        Some(Self { policy, issuer, registry, table: section.section("match")?, section })
    }

    /// The conditions that are written; those that the kind adds are not among them.
    pub(super) fn conditions(&self) -> impl Iterator<Item = &'s Condition> {
        self.policy.conditions.iter().filter(|condition| self.table.contains(&condition.claim))
    }

    /// The condition on a claim.
    pub(super) fn on(&self, claim: &str) -> Option<&'s Condition> {
        self.conditions().find(|condition| &*condition.claim == claim)
    }

    /// The condition on a claim, if it does more than ask whether it is there.
    pub(super) fn narrows(&self, claim: &str) -> Option<&'s Condition> {
        let says_more = |pattern: &Pattern| !matches!(pattern, Pattern::Present(_));
        self.on(claim).filter(|condition| condition.any_of.iter().all(says_more))
    }

    /// Whether a claim must have exactly this value.
    pub(super) fn requires(&self, claim: &str, value: &str) -> bool {
        self.on(claim).is_some_and(|condition| *condition.any_of == [Pattern::Exact(value.to_owned())])
    }

    /// Where a finding is shown.
    pub(super) fn place_of(&self, finding: &Finding) -> Position {
        let written = finding.claim.as_ref().and_then(|claim| {
            let keys = self.table.keys();
            keys.into_iter().find(|key| key.value == claim).map(|key| key.span)
        });
        self.section.position_of(written.as_ref().unwrap_or(self.section.span()))
    }
}
