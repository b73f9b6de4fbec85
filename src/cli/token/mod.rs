//! `trustmint token`: registry tokens as strings, offline.

pub(super) mod inspect;
pub(super) mod rules;
