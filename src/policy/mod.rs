//! Trust policies: who may do what on packages of one registry. Pure: no I/O but [`load()`], and no
//! clock but the instant that is handed in.

mod condition;
mod decide;
mod digest;
mod document;
pub mod explain;
mod glob;
mod load;
mod snapshot;
pub mod testing;

pub use self::glob::{Glob, GlobError};
pub use condition::{Condition, Pattern};
pub use decide::{Grant, decide};
pub use document::Vocabulary;
pub use load::{LoadError, load, load_documents};
pub use snapshot::{Deny, Digest, Policy, Snapshot};
