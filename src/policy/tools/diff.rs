//! What changes from one set of policies to another: which policies, and who gains or loses what.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::identity::Identity;
use crate::policy::engine::decide::Modes;
use crate::policy::engine::digest::{deny_line, policy_line};
use crate::policy::engine::granted::granted;
use crate::policy::{Deny, Policy, Snapshot};
use crate::registry::Registry;
use crate::token::Scope;
use crate::toml_reader::Position;

/// The most rows that a difference lists.
const MOST_ROWS: usize = 10_000;

/// What happened to a policy or a top-level deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It decides differently.
    Changed,
}

/// A policy or a top-level deny that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// What happened.
    pub change: Change,
    /// The policy's id; none: a top-level deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Arc<str>>,
    /// Where it is written, or was: `file:line`.
    pub at: String,
}

/// The policies and denies that differ in anything that decides; comments and order do not.
pub fn changed(old: &Snapshot, new: &Snapshot) -> Vec<Changed> {
    let policy = |change, policy: &Policy| Changed {
        change,
        policy: Some(Arc::clone(&policy.id)),
        at: place(&policy.position),
    };
    let mut found = Vec::new();
    let (mut before, mut after) = (old.iter().peekable(), new.iter().peekable());
    // Both are ordered by id.
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(is)) => was.id.cmp(&is.id),
        };
        let was = if order.is_le() { before.next() } else { None };
        let is = if order.is_ge() { after.next() } else { None };
        match (was, is) {
            (Some(was), Some(is)) if policy_line(was) != policy_line(is) => {
                found.push(policy(Change::Changed, is));
            }
            (Some(was), None) => found.push(policy(Change::Removed, was)),
            (None, Some(is)) => found.push(policy(Change::Added, is)),
            _ => {}
        }
    }
    found.extend(missing(old.denies(), new.denies(), Change::Removed));
    found.extend(missing(new.denies(), old.denies(), Change::Added));
    found
}

/// The denies of one set that the other lacks.
fn missing(of: &[Deny], from: &[Deny], change: Change) -> Vec<Changed> {
    let known: Vec<_> = from.iter().map(deny_line).collect();
    let lacking = of.iter().filter(|deny| !known.contains(&deny_line(deny)));
    lacking.map(|deny| Changed { change, policy: None, at: place(&deny.position) }).collect()
}

fn place(position: &Position) -> String {
    format!("{}:{}", position.file, position.line)
}

/// An identity that gains or loses something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `<issuer id>|<pinned ids>`.
    pub subject: Arc<str>,
    /// The repository or project, by name, as the first of them was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The registry.
    pub registry: Arc<str>,
    /// What it gains, as a scope.
    pub gains: String,
    /// What it loses, as a scope.
    pub loses: String,
    /// How many recorded claim sets it concerns.
    pub records: u64,
    /// The line of the first of them.
    pub first_line: u64,
}

/// Who gains and who loses what. Its size is bounded, however many identities there are.
#[derive(Debug, Default)]
pub struct Tally {
    rows: BTreeMap<(Arc<str>, Arc<str>, String, String), Row>,
    unlisted: u64,
}

impl Tally {
    /// Decides about a recorded identity under both sets, at an instant in seconds since the epoch.
    pub fn compare(
        &mut self,
        [old, new]: [&Snapshot; 2],
        identity: &Identity,
        registry: &Arc<Registry>,
        line: u64,
        now: u64,
    ) {
        let [before, after] = [old, new].map(|snapshot| grants(snapshot, identity, registry, now));
        let (gains, loses) = (after.without(&before), before.without(&after));
        if gains.is_empty() && loses.is_empty() {
            return;
        }
        let (gains, loses) = (gains.to_string(), loses.to_string());
        let key = (Arc::clone(identity.subject()), Arc::clone(&registry.id), gains.clone(), loses.clone());
        if let Some(row) = self.rows.get_mut(&key) {
            row.records += 1;
        } else if self.rows.len() >= MOST_ROWS {
            self.unlisted += 1;
        } else {
            let row = Row {
                subject: Arc::clone(identity.subject()),
                repository: identity.repositories().last().map(std::borrow::Cow::into_owned),
                registry: Arc::clone(&registry.id),
                gains,
                loses,
                records: 1,
                first_line: line,
            };
            self.rows.insert(key, row);
        }
    }

    /// Each identity, ordered by its name.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Row> {
        self.rows.values()
    }

    /// How many records gain or lose something beyond the rows that are listed.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }
}

fn grants(snapshot: &Snapshot, identity: &Identity, registry: &Registry, now: u64) -> Scope {
    let packages = snapshot.candidates(identity, registry).flat_map(|policy| &policy.packages);
    granted(snapshot, identity, registry, packages, now, Modes::Enforced).unwrap_or_default()
}
