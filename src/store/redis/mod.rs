//! Redis: one script, one round trip, in every topology.
//!
//! Replay record, token record, run index and epoch of a token share a hash tag, `{Ab}`, and
//! with it a slot of Redis Cluster. Scripts judge by what they find, so a command that is sent twice
//! because a connection was cut does no harm.

mod link;
mod outbox;
mod revoke;
mod scripts;
mod url;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use redis::{AsyncCommands as _, RedisError, RedisResult};

use self::link::{Connection, Link};
use self::scripts::Scripts;
pub use self::url::{RedisUrl, Topology};
use super::contract::RUN_MEMORY;
use super::contract::tombstone_of;
use super::{
    CutOff, CutOffAction, Entry, Mint, MintOutcome, OutboxMessage, Revocation, RevocationTarget,
    RevokedEntry, Selector, SharedDocument, Store, StoreError, StoreFuture, TombstoneRetention,
};
use crate::clock::{Clock, SystemClock};
use crate::hex;
use crate::token::{TAG_COUNT, Tag, TokenHash};

/// The hash of all cut-offs: selector → instant, or [`FOREVER`].
const CUT_OFFS: &str = "trustmint:cut-offs";
/// The instant of a suspension.
const FOREVER: &str = "forever";
/// What is written to learn whether the store can be written to.
const READY: &str = "trustmint:ready";
const READY_TTL: u64 = 60;
/// The script's error where the epoch of the tag is missing or another server's.
const STALE_EPOCH: &str = "STALE_EPOCH";
/// How long a token's entry outlives the token: clocks differ, and liveness is judged by the record.
const ENTRY_MARGIN: u64 = 60;
/// How many tokens are looked at at once.
const LOOKS_IN_FLIGHT: usize = 64;
/// How often a change of a cut-off is retried when others change the same one at the same time.
const SET_ATTEMPTS: usize = 16;

/// The Redis store.
#[derive(Debug)]
pub struct Redis {
    /// For everything that must be fast.
    link: Link,
    /// For what waits for replicas (`WAIT` blocks its connection).
    waiting: Link,
    scripts: Scripts,
}

impl Redis {
    /// A store at this address. Nothing is connected yet; `timeout` is for all attempts of one request.
    ///
    /// # Errors
    /// If the address cannot be used as it is.
    pub fn new(url: &RedisUrl, timeout: Duration) -> Result<Self, StoreError> {
        Self::with_clock(url, timeout, Arc::new(SystemClock))
    }

    /// The same, with the clock that stamps epochs.
    ///
    /// # Errors
    /// If the address cannot be used as it is.
    pub fn with_clock(url: &RedisUrl, timeout: Duration, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        // Room for a second attempt on a fresh connection.
        let attempt = timeout / 3;
        Ok(Self {
            link: Link::new(url, attempt, Some(clock))?,
            waiting: Link::new(url, attempt, None)?,
            scripts: Scripts::default(),
        })
    }

    async fn mint_now(&self, mint: &Mint) -> Result<MintOutcome, StoreError> {
        let record = Entry::encode_minted(&mint.record)?;
        let mut call = self.scripts.mint.prepare_invoke();
        call.key(epoch_key(mint.tag)).key(key(mint.tag, "replay", &mint.replay_key)).key(key(
            mint.tag,
            "token",
            &mint.hash.0,
        ));
        let family = mint.family();
        let (week, tombstone_retention) =
            (TombstoneRetention::week(mint.record.expires), mint.tombstone_retention);
        call.key(key(mint.tag, "counter", &family.0))
            .key(key(mint.tag, "run", &family.0))
            .key(tombstones_key(mint.tag, week));
        call.arg(mint.slot.name())
            .arg(&mint.hash.0[..])
            .arg(&*mint.record.registry)
            .arg(record)
            .arg(mint.now)
            .arg(mint.issued_at)
            .arg(mint.replay_until.saturating_sub(mint.now).max(1))
            .arg(mint.record.expires.saturating_sub(mint.now) + ENTRY_MARGIN)
            .arg(mint.max_packages)
            .arg(mint.record.expires)
            .arg(RUN_MEMORY)
            .arg(tombstone_retention.week_until(week).saturating_sub(mint.now).max(1))
            .arg(
                (tombstone_retention.most / u64::from(TAG_COUNT) / tombstone_retention.weeks_at_once())
                    .max(1),
            );
        for (policy, most) in &mint.tokens_per_run {
            call.arg(&**policy).arg(*most);
        }
        let call = &call;
        let ask = || self.link.run(|mut connection| async move { call.invoke_async(&mut connection).await });
        let answer: String = match ask().await {
            // The epochs of all tags are written on a new connection, not only this one's: otherwise
            // the first run of each other tag would be refused, however long after.
            Err(error) if error.0.contains(STALE_EPOCH) => ask().await?,
            answer => answer?,
        };
        match answer.as_str() {
            "minted" => Ok(MintOutcome::Minted),
            "replayed" => Ok(MintOutcome::Replayed),
            "exhausted" => Ok(MintOutcome::Exhausted),
            "reset" => Ok(MintOutcome::Reset),
            other => Err(StoreError(format!("the mint script answered {other:?}"))),
        }
    }

    async fn find_now(&self, tag: Tag, hash: TokenHash) -> Result<Option<Entry>, StoreError> {
        let token = key(tag, "token", &hash.0);
        let bytes: Option<Vec<u8>> =
            self.link.run(|mut connection| async move { connection.get(token).await }).await?;
        bytes.as_deref().map(Entry::decode).transpose()
    }

    async fn get_many_now(
        &self,
        tokens: &[(Tag, TokenHash)],
        tombstone_retention: TombstoneRetention,
        now: u64,
    ) -> Result<Vec<Option<Entry>>, StoreError> {
        let look = |connection: Connection, (tag, hash): &(Tag, TokenHash)| {
            let mut call = self.scripts.get_many.prepare_invoke();
            call.key(key(*tag, "token", &hash.0)).arg(tombstone_of(hash));
            for week in tombstone_retention.weeks(now) {
                call.key(tombstones_key(*tag, week));
            }
            let mut connection = connection;
            async move { call.invoke_async::<Option<Vec<u8>>>(&mut connection).await }
        };
        let found: Vec<Option<Vec<u8>>> = self
            .link
            .run(|connection| {
                let all = tokens.iter().map(|token| look(connection.clone(), token)).collect::<Vec<_>>();
                futures_util::stream::iter(all).buffered(LOOKS_IN_FLIGHT).try_collect()
            })
            .await?;
        found
            .into_iter()
            .map(|found| match found.as_deref() {
                None => Ok(None),
                Some(b"E") => Ok(Some(Entry::Ended)),
                Some(bytes) => Entry::decode(bytes).map(Some),
            })
            .collect()
    }

    async fn cut_offs_now(&self) -> Result<Vec<CutOff>, StoreError> {
        let mut call = self.scripts.cut_offs.prepare_invoke();
        call.key(CUT_OFFS);
        let fields: Vec<(String, String)> =
            self.link.run(|mut connection| async move { call.invoke_async(&mut connection).await }).await?;
        fields
            .into_iter()
            .map(|(selector, until)| {
                Ok(CutOff {
                    selector: serde_json::from_str(&selector).map_err(StoreError::new)?,
                    until_ms: instant(&until)?,
                })
            })
            .collect()
    }

    /// Compare and set, so that the rules of cut-offs are written in one language only.
    async fn set_cut_off_now(
        &self,
        selector: &Selector,
        action: CutOffAction,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        let field = serde_json::to_string(selector).map_err(StoreError::new)?;
        for _ in 0..SET_ATTEMPTS {
            let name = field.clone();
            let current: Option<String> = self
                .waiting
                .run(|mut connection| async move { connection.hget(CUT_OFFS, name).await })
                .await?;
            let parsed = current.as_deref().map(instant).transpose()?;
            let next = action
                .apply(parsed, at_ms)
                .map(|until| until.map_or(FOREVER.to_owned(), |until| until.to_string()));
            let mut call = self.scripts.compare_and_set.prepare_invoke();
            call.key(CUT_OFFS).arg(&field).arg(current.unwrap_or_default()).arg(next.unwrap_or_default());
            let set: bool =
                self.waiting
                    .run_and_wait(CUT_OFFS, |mut connection| async move {
                        call.invoke_async(&mut connection).await
                    })
                    .await?;
            if set {
                return Ok(());
            }
        }
        Err(StoreError("the cut-off keeps being changed by others".to_owned()))
    }
}

impl Store for Redis {
    fn mint(&self, mint: Arc<Mint>) -> StoreFuture<'_, MintOutcome> {
        Box::pin(async move { self.mint_now(&mint).await })
    }

    fn find(&self, tag: Tag, hash: TokenHash) -> StoreFuture<'_, Option<Entry>> {
        Box::pin(self.find_now(tag, hash))
    }

    fn get_many(
        &self,
        tokens: Vec<(Tag, TokenHash)>,
        tombstone_retention: TombstoneRetention,
        now: u64,
    ) -> StoreFuture<'_, Vec<Option<Entry>>> {
        Box::pin(async move { self.get_many_now(&tokens, tombstone_retention, now).await })
    }

    fn revoke(
        &self,
        targets: Arc<[RevocationTarget]>,
        revoked: Revocation,
    ) -> StoreFuture<'_, Vec<Vec<RevokedEntry>>> {
        Box::pin(self.revoke_now(targets, revoked))
    }

    fn cut_offs(&self) -> StoreFuture<'_, Vec<CutOff>> {
        Box::pin(self.cut_offs_now())
    }

    fn set_cut_off(&self, selector: Selector, action: CutOffAction, at_ms: u64) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.set_cut_off_now(&selector, action, at_ms).await })
    }

    fn post(&self, messages: Vec<OutboxMessage>, most: u64) -> StoreFuture<'_, Vec<String>> {
        Box::pin(async move { self.post_now(&messages, most).await })
    }

    fn due(&self, now_ms: u64, until_ms: u64, most: usize) -> StoreFuture<'_, Vec<OutboxMessage>> {
        Box::pin(self.due_now(now_ms, until_ms, most))
    }

    fn repost(&self, messages: Vec<OutboxMessage>) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.repost_now(&messages).await })
    }

    fn discard(&self, id: String, _: u64) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.discard_now(&id).await })
    }

    fn waiting(&self) -> StoreFuture<'_, u64> {
        Box::pin(self.waiting_now())
    }

    fn share(&self, name: String, document: SharedDocument, ttl: u64) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.share_now(&name, document, ttl).await })
    }

    fn shared(&self, name: String) -> StoreFuture<'_, Option<SharedDocument>> {
        Box::pin(async move { self.shared_now(&name).await })
    }

    fn ready(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.link.run(|mut connection| async move { connection.set_ex(READY, 1, READY_TTL).await }).await
        })
    }
}

fn instant(text: &str) -> Result<Option<u64>, StoreError> {
    if text == FOREVER { Ok(None) } else { text.parse().map(Some).map_err(StoreError::new) }
}

fn key(tag: Tag, what: &str, name: &[u8]) -> String {
    format!("trustmint:{{{}}}:{what}:{}", tag.as_str(), hex::encode(name))
}

/// Where the keys of a tag's tokens begin.
fn token_prefix(tag: Tag) -> String {
    format!("trustmint:{{{}}}:token:", tag.as_str())
}

fn tombstones_key(tag: Tag, week: u64) -> String {
    format!("trustmint:{{{}}}:tombstones:{week}", tag.as_str())
}

fn epoch_key(tag: Tag) -> String {
    format!("trustmint:{{{}}}:epoch", tag.as_str())
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        Self::new(error)
    }
}

/// What a closure for [`Link::run`] returns.
type Reply<T> = RedisResult<T>;
