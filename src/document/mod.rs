//! Reading what operators write: TOML, with every error at once and each with its line.
//!
//! [`Section`] walks a document that the TOML parser has recovered as far as it could, and turns
//! values into types. It never stops at an error: it notes a [`Diagnostic`] and goes on, so that
//! one run of `trustmint config check` shows everything there is to mend.

mod datetime;
mod diagnostic;
mod section;
mod suggest;

pub use diagnostic::{Diagnostic, Diagnostics, Position, Severity, Source};
pub use section::{Located, Section, Value, document, parse};
pub use suggest::closest;
