//! Reported tokens that are alive in the store, by their runs.

use std::sync::Arc;

use crate::notices::Found;
use crate::token::{Family, Record, Tag, TokenHash};

/// A token that was reported and is alive in the store.
pub(super) struct Suspect {
    pub(super) hash: TokenHash,
    pub(super) record: Arc<Record>,
    /// Where it was found.
    pub(super) found: Found,
}

/// Suspects of one run, of which the first stands for all.
pub(super) struct Suspects {
    pub(super) tag: Tag,
    pub(super) family: Family,
    pub(super) tokens: Vec<Suspect>,
    /// Whether any of them is good for something. Otherwise a switch or an edit of policies has ended
    /// them already: they are killed by themselves, so that neither brings them back, and nobody is told.
    pub(super) are_live: bool,
}

impl Suspects {
    /// The policies that fed them.
    pub(super) fn policies(&self) -> Vec<Arc<str>> {
        let all = self.tokens.iter().flat_map(|token| &token.record.policies);
        let mut policies: Vec<_> = all.cloned().collect();
        policies.sort_unstable();
        policies.dedup();
        policies
    }

    /// The one for which others die.
    pub(super) fn first(&self) -> &Suspect {
        &self.tokens[0]
    }
}
