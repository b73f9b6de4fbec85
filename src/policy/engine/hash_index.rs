//! An index by hash: which positions are listed under a key of several parts.
//!
//! It keeps no key, which would be most of its size. Two keys whose hashes are equal share a list,
//! so anyone who finds something looks whether it is what was sought. The hash is keyed again for each
//! index; no one can choose keys that meet.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};

/// The index; it does not change once it is built.
#[derive(Debug, Default)]
pub(in crate::policy) struct HashIndex {
    hasher: RandomState,
    /// Hash → where its list begins and ends.
    lists: HashMap<u64, (u32, u32)>,
    positions: Box<[u32]>,
}

/// An index that is being built.
#[derive(Debug, Default)]
pub(in crate::policy) struct HashIndexBuilder {
    hasher: RandomState,
    entries: Vec<(u64, u32)>,
}

impl HashIndexBuilder {
    /// Lists a position under a key.
    pub(in crate::policy) fn add<'k>(&mut self, key: impl IntoIterator<Item = &'k str>, position: u32) {
        self.entries.push((hash(&self.hasher, key), position));
    }

    /// Ends the building.
    pub(in crate::policy) fn build(mut self) -> HashIndex {
        self.entries.sort_unstable();
        self.entries.dedup();
        let mut lists = HashMap::with_capacity(self.entries.chunk_by(|a, b| a.0 == b.0).count());
        let mut begin = 0;
        for list in self.entries.chunk_by(|a, b| a.0 == b.0) {
            let end = begin + u32::try_from(list.len()).unwrap_or(0);
            lists.insert(list[0].0, (begin, end));
            begin = end;
        }
        let positions = self.entries.iter().map(|(_, position)| *position).collect();
        HashIndex { hasher: self.hasher, lists, positions }
    }
}

impl HashIndex {
    /// The positions under a key, in order, and perhaps some of another key.
    pub(in crate::policy) fn find<'k>(&self, key: impl IntoIterator<Item = &'k str>) -> &[u32] {
        match self.lists.get(&hash(&self.hasher, key)) {
            Some((begin, end)) => &self.positions[*begin as usize..*end as usize],
            None => &[],
        }
    }
}

/// Each part ends where it ends: `a`, `bc` is another key than `ab`, `c`.
fn hash<'k>(hasher: &RandomState, key: impl IntoIterator<Item = &'k str>) -> u64 {
    let mut hash = hasher.build_hasher();
    for part in key {
        part.hash(&mut hash);
    }
    hash.finish()
}
