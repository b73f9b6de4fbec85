//! What the store keeps about a token: no secret, and everything needed to decide again.

use std::sync::Arc;

use aws_lc_rs::digest;
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
    /// The replay key of its ID token, where the issuer knows no runs: the ID token is the run then.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "replay_key")]
    pub id_token: Option<[u8; 32]>,
    /// What it is for.
    pub scope: Scope,
    /// When it was minted, in milliseconds since the epoch.
    pub minted_ms: u64,
    /// When it ends, in seconds since the epoch.
    pub expires: u64,
    /// The policies that contributed to it.
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

    /// What it has in common with the other tokens of its run, or of its ID token.
    pub fn family(&self) -> Family {
        match (&self.run, self.id_token) {
            (None, Some(replay_key)) => Family(replay_key),
            (run, _) => {
                let run = run.as_deref().unwrap_or_default();
                let mut family = [0; 32];
                family.copy_from_slice(digest::digest(&digest::SHA256, run.as_bytes()).as_ref());
                Family(family)
            }
        }
    }

    /// When it was minted, in seconds.
    pub fn minted(&self) -> u64 {
        self.minted_ms / 1000
    }
}

/// The tokens of one run; where the issuer knows no runs, of one ID token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Family(pub [u8; 32]);

mod replay_key {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::hex;

    pub(super) fn serialize<S: Serializer>(key: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
        match key {
            Some(key) => serializer.serialize_str(&hex::encode(key)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<[u8; 32]>, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(&text).map(Some).ok_or_else(|| de::Error::custom("not 64 hexadecimal digits"))
    }
}

/// The public name of a token, for answers, logs and events: half of its hash, from which
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
