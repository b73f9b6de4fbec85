//! Deciding: what a snapshot of policies grants to an identity.

pub(in crate::policy) mod audit_mode;
pub(in crate::policy) mod condition;
pub(in crate::policy) mod decide;
pub(in crate::policy) mod denies;
pub(in crate::policy) mod digest;
pub(in crate::policy) mod glob;
pub(in crate::policy) mod granted;
pub(in crate::policy) mod hash_index;
pub(in crate::policy) mod requested_scope;
pub(in crate::policy) mod snapshot;
