//! Reading what operators write: TOML, with every error at once and each with its line.
//!
//! [`Section`] walks a document that the TOML parser has recovered as far as it could, and turns
//! values into types. It never stops at an error: it notes a [`Diagnostic`] and goes on, so that
//! one run of `trustmint config check` shows everything there is to fix.

#[cfg(test)]
pub(crate) mod asked;
mod code;
mod credentials;
mod datetime;
mod diagnostic;
mod printable;
mod quoted;
mod section;
mod source;
mod suggest;
mod warnings;

pub use code::Code;
pub use credentials::without_credentials;
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use printable::is_control_or_bidi;
pub use quoted::quoted;
pub use section::{Located, Section, Value, document, parse};
pub use source::{Position, Source};
pub use suggest::closest;
pub use warnings::Warnings;
