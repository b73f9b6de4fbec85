//! What may be done with a package.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Upload a version of an existing package.
    Publish,
    /// Upload the first version of a package.
    Create,
    /// Yank, unlist or delete a version.
    Yank,
    /// Change who owns a package.
    Owner,
    /// Download from a private registry.
    Read,
}

impl Action {
    /// Every action, in the order in which scopes list them.
    pub const ALL: [Self; 5] = [Self::Publish, Self::Create, Self::Yank, Self::Owner, Self::Read];

    /// The name in policies and scopes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Create => "create",
            Self::Yank => "yank",
            Self::Owner => "owner",
            Self::Read => "read",
        }
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|action| action.as_str()).collect();
            format!("known actions are {}", known.join(", "))
        })
    }
}

/// A set of actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actions(u8);

impl Actions {
    /// Adds an action.
    pub fn insert(&mut self, action: Action) {
        self.0 |= 1 << action as u8;
    }

    /// Whether nothing may be done.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of the other's actions are among these.
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the two have an action in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of these that the other has not.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The actions, in order.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.0 & (1 << *action as u8) != 0)
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        let mut set = Self::default();
        for action in actions {
            set.insert(action);
        }
        set
    }
}

impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, action) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", action.as_str())?;
        }
        Ok(())
    }
}
