//! What a policy about a kind's identities should say beside its pins; what does not is worth a look.

use crate::toml_reader::Code;

/// One piece of advice. It asks for company: a policy that has one claim should have another.
#[derive(Debug)]
pub struct Advice {
    /// The finding, where it is not followed.
    pub code: Code,
    /// It is for policies that match on this claim; `None`: for every one.
    pub on: Option<&'static str>,
    /// One of these conditions follows it.
    pub wants: &'static [RequestedScope],
    /// What is so where none is there.
    pub message: &'static str,
    /// What to write.
    pub help: &'static str,
}

/// A condition that follows a piece of advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestedScope {
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
