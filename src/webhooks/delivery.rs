//! A message for one recipient, as the store keeps it.

use serde::{Deserialize, Serialize};

use crate::hex;
use crate::store::{Notice, StoreError};
use crate::token::{Tag, TokenHash};

/// How long the deed may take, in milliseconds: after that a message comes due that nobody released.
const HELD_MS: u64 = 120_000;

/// A message on its way to a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// `webhook-id`: the same at each attempt.
    pub id: String,
    /// The recipient's id.
    pub webhook: String,
    /// What is posted and signed.
    pub payload: String,
    /// How often it was tried.
    pub attempts: u32,
    /// How often it came to a replica that does not know the recipient.
    #[serde(default)]
    pub strayed: u32,
    /// The deed it is about, as long as it is not known to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_for: Option<Deed>,
}

/// A killing, known by the token for which it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    tag: String,
    hash: String,
}

impl Deed {
    /// The killing of this token, and of others for it.
    pub fn new(tag: Tag, hash: TokenHash) -> Self {
        Self { tag: tag.as_str().to_owned(), hash: hex::encode(&hash.0) }
    }

    /// Which token it is about.
    pub(super) fn token(&self) -> Option<(Tag, TokenHash)> {
        Some((Tag::parse(&self.tag)?, TokenHash(hex::decode(&self.hash)?)))
    }
}

impl Parcel {
    /// What the store keeps until the deed is done.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn held(&self, now_ms: u64) -> Result<Notice, StoreError> {
        self.due_at(now_ms + HELD_MS)
    }

    /// What the store keeps of a message that is due at an instant.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn due_at(&self, due_ms: u64) -> Result<Notice, StoreError> {
        let body = serde_json::to_vec(self).map_err(StoreError::new)?;
        Ok(Notice { id: self.id.clone(), due_ms, body })
    }
}
