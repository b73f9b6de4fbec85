//! What goes into a store and what comes out.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::registry::Package;
use crate::token::{Family, Record, Tag, TokenHash};

/// A mint: an ID token is spent and a registry token comes to life.
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
    /// How it is remembered that the token was minted, once it has ended.
    pub tombstone_retention: TombstoneRetention,
    /// The present, in seconds.
    pub now: u64,
}

/// How long it is remembered how many tokens a run has minted, from the first one on, in seconds:
/// longer than any run takes.
pub(super) const RUN_MEMORY: u64 = 7 * 86_400;

impl Mint {
    /// What its tokens are counted and found under.
    pub(super) fn family(&self) -> Family {
        self.record.family()
    }
}

/// How long tombstones stay and how many there are: each a half of a token's hash, which says that it
/// was minted and has ended, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TombstoneRetention {
    /// How long after a token's own end, in seconds.
    pub ttl: u64,
    /// How many at most; the oldest are forgotten before their time.
    pub most: u64,
}

/// Tombstones are kept by the week in which their tokens end, and forgotten by the week.
const WEEK: u64 = 7 * 86_400;
/// Longer than any token lives, in seconds.
const LONGEST_LIFE: u64 = 86_400;

impl TombstoneRetention {
    /// The week of a token that ends at this second.
    pub(super) fn week(expires: u64) -> u64 {
        expires / WEEK
    }

    /// The second from which on all of a week's tombstones may be forgotten.
    pub(super) fn week_until(self, week: u64) -> u64 {
        (week + 1) * WEEK + self.ttl
    }

    /// The weeks whose tombstones may be there at a second.
    pub(super) fn weeks(self, now: u64) -> RangeInclusive<u64> {
        now.saturating_sub(self.ttl + WEEK) / WEEK..=(now + LONGEST_LIFE) / WEEK
    }

    /// How many weeks there are at most at the same time.
    pub(super) fn weeks_at_once(self) -> u64 {
        self.ttl / WEEK + 3
    }
}

/// What a tombstone holds of a token's hash.
pub(super) fn tombstone_of(hash: &TokenHash) -> &[u8] {
    &hash.0[..16]
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
pub enum MintOutcome {
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
    /// It was minted and no one revoked it; it may have expired since.
    Minted(Arc<Record>),
    /// It was revoked before its end.
    Dead(Revocation, Arc<Record>),
    /// It was minted and has ended; that is all that is left of it.
    Ended,
}

/// When and why a token was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// In seconds.
    pub at: u64,
    /// Why.
    pub why: RevocationReason,
    /// By which of all killings: a random number, so that anyone who asks again after a lost answer
    /// knows its own work.
    pub by: u64,
    /// For which token, where it was reported: [`Cause::of`] it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// A token for which others die, by a part of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cause(u64);

impl Cause {
    /// A token as a cause.
    pub fn of(hash: &TokenHash) -> Self {
        let mut part = [0; 8];
        part.copy_from_slice(&hash.0[..8]);
        Self(u64::from_be_bytes(part))
    }
}

/// Why a token was revoked early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// Its holder revoked it.
    Revoked,
    /// It was reported as leaked, or another token of its run was.
    Leaked,
}

impl Revocation {
    /// For how long at least it is known who revoked a token, in seconds: beyond its own end where
    /// messages are on their way that are true only if it was revoked.
    pub(super) fn known_for(self) -> u64 {
        match self.why {
            RevocationReason::Revoked => 0,
            RevocationReason::Leaked => 7 * 86_400,
        }
    }
}

/// What is to be revoked together: these tokens, all with one tag, and every other token of a run.
#[derive(Clone, Debug)]
pub struct RevocationTarget {
    /// The tag of all of them.
    pub tag: Tag,
    /// Tokens by name.
    pub tokens: Vec<TokenHash>,
    /// And the run whose tokens are revoked too.
    pub family: Option<Family>,
    /// For which token.
    pub cause: Option<Cause>,
}

impl RevocationTarget {
    /// What is written on its tokens.
    pub(super) fn mark(&self, revoked: Revocation) -> Result<Vec<u8>, StoreError> {
        Entry::encode_revocation(&Revocation { cause: self.cause, ..revoked })
    }
}

/// A token that was to be revoked, and what it is now: [`Entry::Dead`] by this revocation or an earlier
/// one; or [`Entry::Ended`].
pub type RevokedEntry = (TokenHash, Entry);

/// A message on its way: kept until it is delivered, so that no crash loses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its name; two of the same name are one.
    pub id: String,
    /// The instant from which on someone should see to it, in milliseconds since the epoch.
    pub due_ms: u64,
    /// What it says.
    pub body: Vec<u8>,
}

/// For how long the name of a message that was discarded stays taken, in seconds: anyone who learnt of the
/// same deed before it was done, and comes late, has nothing new to say.
pub(super) const DISCARDED_ID_TTL: u64 = 600;

/// A document that all replicas share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDocument {
    /// When it was fetched, in milliseconds since the epoch.
    pub at_ms: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Room for the entry of a usual token, whose identity is most of it.
const USUAL_ENTRY: usize = 2048;

/// The bytes of an entry: one letter for its form, then JSON. What is revoked has the revocation in a line of
/// its own, before what it was.
impl Entry {
    pub(super) fn encode_minted(record: &Record) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::with_capacity(USUAL_ENTRY);
        bytes.push(b'M');
        serde_json::to_writer(&mut bytes, record).map_err(StoreError::new)?;
        Ok(bytes)
    }

    /// What goes before the JSON of the record.
    pub(super) fn encode_revocation(revoked: &Revocation) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![b'D'];
        serde_json::to_writer(&mut bytes, revoked).map_err(StoreError::new)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        match bytes.split_first() {
            Some((b'M', json)) => record(json).map(Self::Minted),
            Some((b'D', rest)) => {
                let end = rest.iter().position(|byte| *byte == b'\n');
                let (revoked, json) = rest.split_at(end.unwrap_or(rest.len()));
                let revoked = serde_json::from_slice(revoked).map_err(StoreError::new)?;
                Ok(Self::Dead(revoked, record(json)?))
            }
            _ => Err(StoreError("an entry of unknown form".to_owned())),
        }
    }
}

fn record(json: &[u8]) -> Result<Arc<Record>, StoreError> {
    serde_json::from_slice(json).map(Arc::new).map_err(StoreError::new)
}
