//! Reported tokens that are alive in the store, by their runs.

use std::sync::Arc;

use crate::token::{Family, Record, Tag, TokenHash};
use crate::webhooks::Found;

/// A token that was reported and is alive in the store.
pub(in crate::broker) struct ReportedToken {
    pub(in crate::broker) hash: TokenHash,
    pub(in crate::broker) record: Arc<Record>,
    /// Where it was found.
    pub(in crate::broker) found: Found,
}

/// Suspects of one run, of which the first stands for all.
pub(in crate::broker) struct AffectedRun {
    pub(in crate::broker) tag: Tag,
    pub(in crate::broker) family: Family,
    pub(in crate::broker) tokens: Vec<ReportedToken>,
    /// Whether any of them is good for something. Otherwise a cut-off or an edit of policies has ended
    /// them already: they are revoked by themselves, so that neither brings them back, and no one is told.
    pub(in crate::broker) are_live: bool,
}

impl AffectedRun {
    /// The policies that contributed to them.
    pub(in crate::broker) fn policies(&self) -> Vec<Arc<str>> {
        let all = self.tokens.iter().flat_map(|token| &token.record.policies);
        let mut policies: Vec<_> = all.cloned().collect();
        policies.sort_unstable();
        policies.dedup();
        policies
    }

    /// The one for which others die.
    pub(in crate::broker) fn first(&self) -> &ReportedToken {
        &self.tokens[0]
    }
}
