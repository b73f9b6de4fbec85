//! Trust policies: who may do what on packages of one registry. Pure: no I/O but [`load()`] and
//! [`Watch`], and no clock but the instant that is handed in.

mod condition;
mod decide;
mod delegation;
mod denies;
pub mod diff;
mod digest;
mod document;
pub mod explain;
mod files;
mod glob;
mod granted;
mod lint;
mod load;
mod postings;
mod rehearse;
mod scaffold;
pub mod schema;
mod sharing;
mod snapshot;
pub mod testing;
mod wanted;
mod watch;

pub use self::glob::{Glob, GlobError};
pub use condition::{Condition, Pattern};
pub use decide::{Grant, decide};
pub use delegation::Delegation;
pub use document::Vocabulary;
pub use files::Look;
pub use load::{LoadError, load, load_documents};
pub use rehearse::{Rehearsal, rehearse};
pub use scaffold::{Draft, scaffold};
pub use snapshot::{Deny, Digest, Mode, Policy, PolicyLimits, Snapshot};
pub use wanted::Wanted;
pub use watch::{SETTLE, Turn, Watch};
