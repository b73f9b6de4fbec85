//! One file a registry kind: its wire format over the same use cases.

pub(super) mod pypi;
