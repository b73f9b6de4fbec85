//! Trust policies: who may do what on packages of one registry. Pure: no I/O but [`load()`] and
//! [`Watch`], and no clock but the instant that is handed in.

mod engine;
mod source;
pub mod tools;

pub use engine::audit_mode::{AuditModeResult, evaluate_audit_mode};
pub use engine::condition::{Condition, Pattern};
pub use engine::decide::{Grant, decide};
pub use engine::glob::{Glob, GlobError};
pub use engine::requested_scope::RequestedScope;
pub use engine::snapshot::{Deny, Digest, Mode, Policy, PolicyLimits, Snapshot};
pub use source::delegation::Delegation;
pub use source::directory::DirectorySnapshot;
pub use source::documents::Vocabulary;
pub use source::load::{LoadError, load, load_documents};
pub use source::watch::{DEBOUNCE, PollOutcome, Watch};
pub use tools::scaffold::{Draft, scaffold};
