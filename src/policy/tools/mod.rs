//! Tools for the authors of policies: check, test, explain, diff, scaffold and schema.

pub mod diff;
pub mod explain;
pub(in crate::policy) mod lint;
pub(in crate::policy) mod scaffold;
pub mod schema;
pub mod testing;
