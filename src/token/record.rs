//! What the store keeps about a token: no secret, and everything needed to decide again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Scope, TokenHash};
use crate::hex;

/// A token record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The registry it is for.
    pub registry: Arc<str>,
    /// The issuer whose identity it was minted for.
    pub issuer: Arc<str>,
    /// That identity's stable name, `<issuer id>|<pinned ids>`.
    pub subject: Arc<str>,
    /// Its run, where the issuer knows runs.
    pub run: Option<Arc<str>>,
    /// What it is for.
    pub scope: Scope,
    /// When it was minted, in milliseconds since the epoch.
    pub minted_ms: u64,
    /// When it ends, in seconds since the epoch.
    pub expires: u64,
    /// The policies that fed it.
    pub policies: Vec<Arc<str>>,
    /// The snapshot it was decided under.
    pub digest: Arc<str>,
    /// The verified payload it was decided on.
    pub identity: Arc<str>,
}

impl Record {
    /// Whether it has ended.
    pub fn is_expired(&self, now: u64) -> bool {
        now >= self.expires
    }

    /// When it was minted, in seconds.
    pub fn minted(&self) -> u64 {
        self.minted_ms / 1000
    }
}

/// The public name of a token, for answers, logs and audit events: half of its hash, from which
/// neither the token nor the whole hash follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(String);

impl TokenId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<TokenHash> for TokenId {
    fn from(hash: TokenHash) -> Self {
        Self(hex::encode(&hash.0[..16]))
    }
}
