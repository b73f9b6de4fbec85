//! A message for one recipient, as the store keeps it.

use serde::{Deserialize, Serialize};

use crate::hex;
use crate::store::{OutboxMessage, StoreError};
use crate::token::{Tag, TokenHash};

/// How long a revocation may take, in milliseconds. After that a pending message becomes due by itself.
const PENDING_TIMEOUT_MS: u64 = 120_000;

/// A message on its way to a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// `webhook-id`: the same at each attempt.
    pub id: String,
    /// The recipient's id.
    pub webhook: String,
    /// What is posted and signed.
    pub payload: String,
    /// How often it was tried.
    pub attempts: u32,
    /// How often a replica that does not know the webhook took it.
    #[serde(default)]
    pub unroutable_attempts: u32,
    /// The revocation that the message is about, until it is known to have happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_on: Option<RevocationRef>,
}

/// A revocation, known by the token for which it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationRef {
    tag: String,
    hash: String,
}

impl RevocationRef {
    /// The revocation of this token, and of others for it.
    pub fn new(tag: Tag, hash: TokenHash) -> Self {
        Self { tag: tag.as_str().to_owned(), hash: hex::encode(&hash.0) }
    }

    /// Which token it is about.
    pub(super) fn token(&self) -> Option<(Tag, TokenHash)> {
        Some((Tag::parse(&self.tag)?, TokenHash(hex::decode(&self.hash)?)))
    }
}

impl Delivery {
    /// Returns the outbox entry of a pending message.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn pending(&self, now_ms: u64) -> Result<OutboxMessage, StoreError> {
        self.due_at(now_ms + PENDING_TIMEOUT_MS)
    }

    /// Returns the outbox entry of a message that is due at an instant, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn due_at(&self, due_ms: u64) -> Result<OutboxMessage, StoreError> {
        let body = serde_json::to_vec(self).map_err(StoreError::new)?;
        Ok(OutboxMessage { id: self.id.clone(), due_ms, body })
    }
}
