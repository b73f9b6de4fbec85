//! What goes into a store and what comes out.

use std::sync::Arc;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::registry::Package;
use crate::token::{Record, Tag, TokenHash};

/// A mint: an ID token is burnt and a registry token comes to life.
#[derive(Clone, Debug)]
pub struct Mint {
    /// Where replay record, token record and run index are kept.
    pub tag: Tag,
    /// Names the ID token.
    pub replay_key: [u8; 32],
    /// What the ID token is spent on.
    pub slot: Slot,
    /// How many packages of one registry one ID token may be spent on, where the slot is a package.
    pub max_packages: u32,
    /// For each policy that limits it: how many tokens one run may mint. Without a run, the ID token
    /// counts as one.
    pub tokens_per_run: Vec<(Arc<str>, u32)>,
    /// `iat` of the ID token, in seconds.
    pub issued_at: u64,
    /// The second after which the replay record may be forgotten.
    pub replay_until: u64,
    /// The registry token's hash.
    pub hash: TokenHash,
    /// The registry token's record.
    pub record: Record,
    /// The present, in seconds.
    pub now: u64,
}

/// How long it is remembered how many tokens a run has minted, from the first one on, in seconds:
/// longer than any run takes.
pub(super) const RUN_MEMORY: u64 = 7 * 86_400;

impl Mint {
    /// What its tokens are counted under.
    pub(super) fn counter(&self) -> [u8; 32] {
        match &self.record.run {
            Some(run) => {
                let mut counter = [0; 32];
                counter.copy_from_slice(digest::digest(&digest::SHA256, run.as_bytes()).as_ref());
                counter
            }
            None => self.replay_key,
        }
    }
}

/// What an ID token is spent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The one token that it makes.
    Whole,
    /// A token for this package; npm clients present one ID token once for each package.
    Package(Package),
}

impl Slot {
    /// The name of the slot within the replay record; no package name is empty.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Whole => "",
            Self::Package(package) => package.as_str(),
        }
    }
}

/// How a mint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minting {
    /// The token lives.
    Minted,
    /// The ID token was spent before.
    Replayed,
    /// Its run has minted as many tokens as a policy allows.
    Exhausted,
    /// The store is younger than the ID token and cannot know whether it was spent.
    Reset,
}

/// What is known about a token.
#[derive(Clone, Debug)]
pub enum Entry {
    /// It was minted and nobody killed it; it may have expired since.
    Minted(Arc<Record>),
    /// It was killed.
    Dead(Tombstone),
}

/// What is left of a killed token; no secret, at most 100 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// When it died, in seconds.
    pub at: u64,
    /// Why.
    pub why: Death,
    /// The second after which the tombstone may be forgotten.
    pub until: u64,
}

/// Why a token died early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Death {
    /// Its holder revoked it.
    Revoked,
}

/// Room for the entry of a usual token, whose identity is most of it.
const USUAL_ENTRY: usize = 2048;

/// The bytes of an entry: one letter for its form, then JSON.
impl Entry {
    pub(super) fn encode_minted(record: &Record) -> Result<Vec<u8>, StoreError> {
        encode(b'M', record)
    }

    pub(super) fn encode_dead(tombstone: &Tombstone) -> Result<Vec<u8>, StoreError> {
        encode(b'D', tombstone)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        match bytes.split_first() {
            Some((b'M', json)) => serde_json::from_slice(json)
                .map(|record| Self::Minted(Arc::new(record)))
                .map_err(StoreError::new),
            Some((b'D', json)) => serde_json::from_slice(json).map(Self::Dead).map_err(StoreError::new),
            _ => Err(StoreError("an entry of unknown form".to_owned())),
        }
    }
}

fn encode(form: u8, content: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(USUAL_ENTRY);
    bytes.push(form);
    serde_json::to_writer(&mut bytes, content).map_err(StoreError::new)?;
    Ok(bytes)
}
