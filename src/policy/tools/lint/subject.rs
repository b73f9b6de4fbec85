//! One policy as the rules see it.

use crate::identity::IssuerSettings;
use crate::policy::{Condition, Pattern, Policy, Vocabulary};
use crate::registry::Registry;
use crate::toml_reader::{Code, Position, Section};

/// A policy, and what is written about it.
pub(in crate::policy) struct Subject<'s> {
    pub(in crate::policy) policy: &'s Policy,
    pub(in crate::policy) issuer: &'s IssuerSettings,
    pub(in crate::policy) registry: &'s Registry,
    /// `[policy.match]`.
    table: Section<'s>,
    section: &'s Section<'s>,
}

/// What a rule found.
pub(in crate::policy) struct Finding {
    pub(in crate::policy) code: Code,
    /// The claim in `[policy.match]` that it is about; `None`: the whole policy.
    pub(in crate::policy) claim: Option<String>,
    pub(in crate::policy) message: String,
    pub(in crate::policy) help: Option<String>,
}

impl Finding {
    /// A finding about the whole policy.
    pub(in crate::policy) fn new(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, claim: None, message: message.into(), help: Some(help.into()) }
    }

    /// The same about one condition.
    pub(in crate::policy) fn on(self, claim: &str) -> Self {
        Self { claim: Some(claim.to_owned()), ..self }
    }
}

impl<'s> Subject<'s> {
    pub(in crate::policy) fn new(
        section: &'s Section<'s>,
        policy: &'s Policy,
        vocabulary: &'s Vocabulary,
    ) -> Option<Self> {
        let issuer = vocabulary.issuers.get(&policy.issuer)?;
        let registry = vocabulary.registries.by_id(&policy.registry)?;
        Some(Self { policy, issuer, registry, table: section.section("match")?, section })
    }

    /// The conditions that are written; those that the kind adds are not among them.
    pub(in crate::policy) fn conditions(&self) -> impl Iterator<Item = &'s Condition> {
        self.policy.conditions.iter().filter(|condition| self.table.contains(&condition.claim))
    }

    /// The condition on a claim.
    pub(in crate::policy) fn on(&self, claim: &str) -> Option<&'s Condition> {
        self.conditions().find(|condition| &*condition.claim == claim)
    }

    /// The condition on a claim, if it does more than ask whether it is there.
    pub(in crate::policy) fn narrows(&self, claim: &str) -> Option<&'s Condition> {
        let says_more = |pattern: &Pattern| !matches!(pattern, Pattern::Present(_));
        self.on(claim).filter(|condition| condition.any_of.iter().all(says_more))
    }

    /// Whether a claim must have exactly this value.
    pub(in crate::policy) fn requires(&self, claim: &str, value: &str) -> bool {
        self.on(claim).is_some_and(|condition| *condition.any_of == [Pattern::Exact(value.to_owned())])
    }

    /// Where a finding is shown.
    pub(in crate::policy) fn place_of(&self, finding: &Finding) -> Position {
        let written = finding.claim.as_ref().and_then(|claim| {
            let keys = self.table.keys();
            keys.into_iter().find(|key| key.value == claim).map(|key| key.span)
        });
        self.section.position_of(written.as_ref().unwrap_or(self.section.span()))
    }
}
