//! The claims of an issuer kind, one row each.

use super::Shape;
use crate::identity::{Claim, Claims};

/// Everything that a kind knows about one claim. Rows are written with `claim` or `derived`.
#[derive(Clone, Copy, Debug)]
pub struct ClaimSpec {
    /// The name; a JSON pointer if the claim is inside of another one.
    pub name: &'static str,
    /// How the claim is computed, if the issuer does not sign it.
    pub derivation: Option<Derivation>,
    /// What its values look like, where that is known.
    pub shape: Option<Shape>,
    /// Whether every policy must pin it.
    pub pin: PinRule,
    /// Whether it names the repository or project.
    pub is_repository: bool,
    /// Whether it names the run.
    pub is_run: bool,
    /// Whether the platform compares its values without ASCII case.
    pub is_case_insensitive: bool,
    /// Why a good policy matches on it beside the pins.
    pub recommended: Option<&'static str>,
    /// Why no policy may match on it, and what to use instead.
    pub unmatchable: Option<&'static str>,
}

/// Whether every policy must pin a claim.
#[derive(Clone, Copy, Debug)]
pub enum PinRule {
    /// Policies need not name it.
    Never,
    /// Policies of every issuer of the kind.
    Always,
    /// Policies of the issuers whose URL satisfies this.
    IfUrl(fn(&str) -> bool),
}

/// How a claim is computed from signed ones. Its name is never one that the issuer signs. Policies may
/// match on it, and pins and event rules may name it.
#[derive(Clone, Copy, Debug)]
pub struct Derivation {
    /// The computation; `None` is absent.
    pub compute: fn(&Claims) -> Option<String>,
    /// The signed claim that decides.
    pub source: &'static str,
    /// The inverse, so that policy tests can make up an identity with a given value.
    pub synthesizer: Synthesizer,
}

/// What the source of a derived claim must be for the claim to have a value.
#[derive(Clone, Copy, Debug)]
pub enum Synthesizer {
    /// The source's value for each of the derived claim's; `None` is absent.
    Table(&'static [(&'static str, Option<&'static str>)]),
    /// A function that sets the source, and what else the computation reads.
    Function(fn(&str, &mut Claims)),
}

impl Derivation {
    /// Sets signed claims so that the derived one has this value, if there is a way.
    pub fn synthesize(&self, value: &str, claims: &mut Claims) {
        match self.synthesizer {
            Synthesizer::Function(synthesize) => synthesize(value, claims),
            Synthesizer::Table(table) => match table.iter().find(|(derived, _)| *derived == value) {
                Some((_, Some(signed))) => claims.set_at(self.source, Claim::Text((*signed).to_owned())),
                Some((_, None)) => claims.remove_at(self.source),
                None => {}
            },
        }
    }
}

/// A claim that the issuer signs.
pub(super) const fn claim(name: &'static str) -> ClaimSpec {
    ClaimSpec {
        name,
        derivation: None,
        shape: None,
        pin: PinRule::Never,
        is_repository: false,
        is_run: false,
        is_case_insensitive: false,
        recommended: None,
        unmatchable: None,
    }
}

/// A claim that is computed from signed ones.
pub(super) const fn derived(
    name: &'static str,
    compute: fn(&Claims) -> Option<String>,
    source: &'static str,
    synthesizer: Synthesizer,
) -> ClaimSpec {
    ClaimSpec { derivation: Some(Derivation { compute, source, synthesizer }), ..claim(name) }
}

impl ClaimSpec {
    const fn shape(self, shape: Shape) -> Self {
        Self { shape: Some(shape), ..self }
    }

    pub(super) const fn number(self) -> Self {
        self.shape(Shape::Number)
    }

    pub(super) const fn uuid(self) -> Self {
        self.shape(Shape::Uuid)
    }

    pub(super) const fn braced_uuid(self) -> Self {
        self.shape(Shape::BracedUuid)
    }

    pub(super) const fn flag(self) -> Self {
        self.shape(Shape::Flag)
    }

    pub(super) const fn one_of(self, values: &'static [&'static str]) -> Self {
        self.shape(Shape::OneOf(values))
    }

    pub(super) const fn pin(self) -> Self {
        Self { pin: PinRule::Always, ..self }
    }

    pub(super) const fn pin_where(self, of_url: fn(&str) -> bool) -> Self {
        Self { pin: PinRule::IfUrl(of_url), ..self }
    }

    pub(super) const fn repository(self) -> Self {
        Self { is_repository: true, ..self }
    }

    pub(super) const fn run(self) -> Self {
        Self { is_run: true, ..self }
    }

    pub(super) const fn case_insensitive(self) -> Self {
        Self { is_case_insensitive: true, ..self }
    }

    pub(super) const fn recommended(self, why: &'static str) -> Self {
        Self { recommended: Some(why), ..self }
    }

    pub(super) const fn unmatchable(self, why: &'static str) -> Self {
        Self { unmatchable: Some(why), ..self }
    }
}
