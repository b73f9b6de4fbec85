//! Trust policies: who may do what on packages of one registry. Pure: no I/O but [`load()`] and
//! [`Watch`], and no clock but the instant that is handed in.

mod engine;
mod source;
pub mod tools;

pub use engine::glob::{Glob, GlobError};
pub use engine::condition::{Condition, Pattern};
pub use engine::decide::{Grant, decide};
pub use source::delegation::Delegation;
pub use source::documents::Vocabulary;
pub use source::directory::Look;
pub use source::load::{LoadError, load, load_documents};
pub use engine::audit_mode::{Rehearsal, rehearse};
pub use tools::scaffold::{Draft, scaffold};
pub use engine::snapshot::{Deny, Digest, Mode, Policy, PolicyLimits, Snapshot};
pub use engine::requested_scope::Wanted;
pub use source::watch::{SETTLE, Turn, Watch};
