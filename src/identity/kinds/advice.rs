//! Advice about policies on a kind's identities; the linter reports what is not followed.

use super::Note;
use crate::toml_reader::Code;

/// What a kind says to the authors of policies and to operators.
#[derive(Debug)]
pub struct Guidance {
    /// What policies should say beside the pins.
    pub advice: &'static [Advice],
    /// Classifies a `sub` that a policy names.
    pub subject_form: fn(&str) -> SubjectForm,
    /// What an operator should know about the issuer of this URL; shown by `trustmint issuer check`.
    pub notes: fn(&str) -> &'static [Note],
}

impl Guidance {
    /// No advice.
    pub(super) const NONE: Self = Self { advice: &[], subject_form: |_| SubjectForm::Fine, notes: |_| &[] };
}

/// One piece of advice. It asks for company: a policy that has one claim should have another.
#[derive(Debug)]
pub struct Advice {
    /// The finding, where it is not followed.
    pub code: Code,
    /// It is for policies that match on this claim; `None`: for every one.
    pub on: Option<&'static str>,
    /// A policy that has one of these conditions follows the advice.
    pub requirements: &'static [Requirement],
    /// What is so where none is there.
    pub message: &'static str,
    /// What to write.
    pub help: &'static str,
}

/// A condition that follows a piece of advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Any on this claim that does more than ask whether it is there.
    Any(&'static str),
    /// This claim is exactly this.
    Exactly(&'static str, &'static str),
}

/// What a `sub` that a policy names is made of. The text is what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectForm {
    /// Nothing that is known to change.
    Fine,
    /// Names, without the ids that the platform's newer form has.
    Names(&'static str),
    /// What a template of the users' own says, which need not name a tenant.
    Custom(&'static str),
}
