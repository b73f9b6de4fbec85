//! The embedded store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use trustmint::clock::Clock as _;
use trustmint::store::{Embedded, Entry, Mint, MintOutcome, RevocationReason};

use super::contract::{self, Kept};
use super::world::{REMEMBRANCE, TTL, World, again, fresh};

contract::test_contract!(start);

async fn start() -> (World, TempDir) {
    let folder = tempfile::tempdir().expect("folder");
    (World::embedded(&folder.path().join("store.redb")), folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_store_keeps_state_across_reopen() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("store.redb");
    let mut world = World::embedded(&path);
    world.clock.advance(10);
    let early = world.mint();
    let kept = Kept::leave(&world).await;

    world.clock.advance(20);
    drop(world.store);
    // The writer lets go of the file in its own time.
    let deadline = Instant::now() + Duration::from_secs(10);
    world.store = loop {
        match Embedded::open(&path, world.clock.now()) {
            Ok(store) => break Arc::new(store),
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    kept.is_found(&world).await;
    assert_eq!(world.answer(&early).await, MintOutcome::Minted, "opening is not an epoch");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_file_refuses_older_id_tokens() {
    let folder = tempfile::tempdir().expect("folder");
    let mut world = World::embedded(&folder.path().join("old.redb"));
    world.clock.advance(10);
    let spent = world.mint();
    assert_eq!(world.answer(&spent).await, MintOutcome::Minted);
    world.store =
        Arc::new(Embedded::open(&folder.path().join("new.redb"), world.clock.now()).expect("a store"));
    assert_eq!(world.answer(&again(&spent)).await, MintOutcome::Reset);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_entries_are_removed() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("store.redb");
    let world = World::embedded(&path);
    world.clock.advance(10);
    let (first, revoked) = (world.mint(), world.mint());
    assert_eq!(world.answer(&first).await, MintOutcome::Minted);
    assert_eq!(world.answer(&revoked).await, MintOutcome::Minted);
    world.revoke(&revoked, world.revoked(RevocationReason::Revoked)).await;
    let forgotten_after = 30 * 86_400 + 7 * 86_400 + TTL;

    // A replay record is there up to its last second, and no later than the next write after it.
    world.clock.advance(first.replay_until - world.clock.now());
    assert_eq!(world.answer(&world.mint()).await, MintOutcome::Minted);
    assert_eq!(world.answer(&again(&first)).await, MintOutcome::Replayed);
    assert!(world.store.find(first.tag, first.hash).await.expect("an answer").is_none(), "the token is gone");
    world.clock.advance(1);
    assert_eq!(world.answer(&world.mint()).await, MintOutcome::Minted);
    assert_eq!(world.answer(&again(&first)).await, MintOutcome::Minted, "the replay record is gone");

    // So is a tombstone, which lives longer than its token.
    let look = || async {
        let tokens = vec![(revoked.tag, revoked.hash), (first.tag, first.hash)];
        let found = world.store.get_many(tokens, REMEMBRANCE, world.clock.now()).await.expect("an answer");
        found.iter().filter(|entry| matches!(entry, Some(Entry::Ended))).count()
    };
    assert_eq!(look().await, 2);
    world.clock.advance(forgotten_after);
    assert_eq!(world.answer(&world.mint()).await, MintOutcome::Minted);
    assert_eq!(look().await, 0);

    // And so is a run's count of tokens, after a week.
    let mut counted = world.mint();
    counted.tokens_per_run = vec![("widget-release".into(), 1)];
    assert_eq!(world.answer(&counted).await, MintOutcome::Minted);
    let next = |now| Mint { replay_key: fresh(), now, issued_at: now, ..again(&counted) };
    world.clock.advance(7 * 86_400);
    assert_eq!(world.answer(&next(world.clock.now())).await, MintOutcome::Exhausted);
    world.clock.advance(1);
    assert_eq!(world.answer(&world.mint()).await, MintOutcome::Minted);
    assert_eq!(world.answer(&next(world.clock.now())).await, MintOutcome::Minted);

    let mut sizes = Vec::new();
    for _ in 0..60 {
        let mints: Vec<_> = (0..200)
            .map(|_| {
                let (store, mut mint) = (Arc::clone(&world.store), world.mint());
                mint.replay_key = fresh();
                tokio::spawn(async move { store.mint(Arc::new(mint)).await.expect("an answer") })
            })
            .collect();
        for mint in mints {
            assert_eq!(mint.await.expect("no panic"), MintOutcome::Minted);
        }
        world.clock.advance(TTL * 2);
        sizes.push(std::fs::metadata(&path).expect("a file").len());
    }
    // Without forgetting it would be five times this: 12,000 mints of more than a kilobyte each.
    assert!(sizes[59] < 3 << 20, "the file grows: {sizes:?}");
}

#[test]
fn store_file_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("store.redb");
    let _store = Embedded::open(&path, 1).expect("a store");
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(Embedded::open(&path, 1).is_err(), "two brokers on one file");
}
