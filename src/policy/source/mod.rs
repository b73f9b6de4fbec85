//! Reading policies from files: documents, delegations and the watched directory.

pub(in crate::policy) mod delegation;
pub(in crate::policy) mod directory;
pub(in crate::policy) mod documents;
pub(in crate::policy) mod interner;
pub(in crate::policy) mod load;
pub(in crate::policy) mod watch;
