//! Names and patterns that many policies have are kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use crate::policy::{Condition, Pattern, Policy};

/// What was read so far, each once.
#[derive(Debug, Default)]
pub(in crate::policy) struct Interner {
    names: HashSet<Arc<str>>,
    patterns: HashSet<Arc<[Pattern]>>,
}

impl Interner {
    /// Lets a policy share what it has in common with those before it.
    pub(in crate::policy) fn intern(&mut self, policy: &mut Policy) {
        let denies = policy.denies.iter_mut().flatten();
        for Condition { claim, any_of, .. } in policy.conditions.iter_mut().chain(denies) {
            once(&mut self.names, claim);
            once(&mut self.patterns, any_of);
        }
    }
}

fn once<T: ?Sized + Eq + Hash>(known: &mut HashSet<Arc<T>>, item: &mut Arc<T>) {
    match known.get(item) {
        Some(first) => *item = Arc::clone(first),
        None => drop(known.insert(Arc::clone(item))),
    }
}
