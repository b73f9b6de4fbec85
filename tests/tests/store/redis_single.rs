//! Redis, one server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::AsyncCommands as _;
use trustmint::clock::Clock as _;
use trustmint::store::redis::Redis;
use trustmint::store::{Mint, MintOutcome, RevocationReason, RevocationTarget, Store as _};
use trustmint::token::TAG_COUNT;
use trustmint_tests::proxy::Proxy;
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::redis_topology::{redis_cli, until_linked};

use super::contract::{self, Kept};
use super::world::{TIMEOUT, TTL, World, again, fresh, single, targets, url};

contract::test_contract!(start);

async fn start() -> (World, RedisServer) {
    let server = RedisServer::start();
    (World::redis(single(server.port), TIMEOUT).await, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn second_broker_sees_the_first_brokers_writes() {
    let (world, server) = start().await;
    world.clock.advance(10);
    let kept = Kept::leave(&world).await;
    let other = World::redis(single(server.port), TIMEOUT).await;
    kept.is_found(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn epochs_are_written_at_first_connection() {
    let server = RedisServer::start();
    let world = World::redis(single(server.port), TIMEOUT).await;
    let born = epochs(&server).await;
    assert_eq!(born.len(), usize::from(TAG_COUNT));
    assert!(born.values().all(|born| *born == world.born), "{born:?}");

    // A second broker, later, leaves them as they are.
    world.clock.advance(100);
    let second = Redis::with_clock(&url(single(server.port)), TIMEOUT, Arc::clone(&world.clock) as _);
    second.expect("a store").ready().await.expect("ready");
    assert_eq!(epochs(&server).await, born);
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_server_resets_each_tag_once() {
    let server = RedisServer::start();
    let world = World::redis(single(server.port), TIMEOUT).await;
    world.clock.advance(10);
    let spent = world.mint();
    assert_eq!(world.answer(&spent).await, MintOutcome::Minted);
    world.clock.advance(10);
    let (unspent, mut fresh_one) = (world.mint(), world.mint());
    let mut connection = server.connect().await;
    let _: () = redis::cmd("FLUSHALL").query_async(&mut connection).await.expect("flushed");
    assert_eq!(world.answer(&again(&spent)).await, MintOutcome::Reset);
    assert_eq!(world.answer(&unspent).await, MintOutcome::Reset);

    // The first mint that finds a epoch missing has all of them written: no one else's fresh ID
    // token is refused days later, because its tag had no epoch yet.
    assert_eq!(epochs(&server).await.len(), usize::from(TAG_COUNT));
    fresh_one.issued_at = world.clock.now() + 1;
    world.clock.advance(1000);
    fresh_one.now = world.clock.now();
    assert_eq!(world.answer(&fresh_one).await, MintOutcome::Minted);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_server_keeps_answers_and_gets_a_new_epoch() {
    let mut server = RedisServer::start();
    let world = World::redis(single(server.port), TIMEOUT).await;
    world.clock.advance(10);
    let kept = Kept::leave(&world).await;
    let unspent = world.mint();
    server.kill();
    assert!(world.store.ready().await.is_err());
    world.clock.advance(10);
    server.start_again();
    world.until_ready().await;
    kept.is_found(&world).await;
    assert_eq!(world.answer(&unspent).await, MintOutcome::Reset, "it may have been spent");
    world.clock.advance(1);
    assert_eq!(world.answer(&world.mint()).await, MintOutcome::Minted);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_keys_but_epochs_and_cut_offs_expire() {
    let server = RedisServer::start();
    let world = World::redis(single(server.port), TIMEOUT).await;
    world.clock.advance(10);
    let (live, revoked, mut brief) = (world.mint(), world.mint(), world.mint());
    brief.replay_until = world.clock.now() + 1;
    brief.record.run = None;
    let mut counted = world.mint();
    counted.tokens_per_run = vec![("widget-release".into(), 9)];
    assert_eq!(world.answer(&counted).await, MintOutcome::Minted);
    for mint in [&live, &revoked, &brief] {
        assert_eq!(world.answer(mint).await, MintOutcome::Minted);
    }
    world.revoke(&revoked, world.revoked(RevocationReason::Revoked)).await;

    let mut connection = server.connect().await;
    let keys: Vec<String> = connection.keys("*").await.expect("keys");
    let mut seen = BTreeMap::<&str, usize>::new();
    for key in keys.iter().filter(|key| !key.ends_with(":epoch") && *key != "trustmint:ready") {
        let (ttl, size): (i64, usize) = redis::pipe()
            .ttl(key)
            .cmd("MEMORY")
            .arg("USAGE")
            .arg(key)
            .query_async(&mut connection)
            .await
            .expect(key);
        let what = key.split(':').nth(2).expect("trustmint:{tag}:what:name");
        let least = if what == "replay" { 0 } else { i64::try_from(TTL).expect("small") - 5 };
        let most = match what {
            "counter" => 7 * 86_400,
            "tombstones" => 38 * 86_400,
            _ => 3600,
        };
        assert!((least..=most).contains(&ttl), "{key} ends in {ttl} s");
        assert!(size < 4096, "{key} takes {size} bytes");
        *seen.entry(what).or_default() += 1;
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [("counter", 1), ("replay", 4), ("run", 4), ("token", 4), ("tombstones", 4)]
    );

    // What ended is gone: the second ID token with that key is a new one.
    let deadline = Instant::now() + Duration::from_secs(10);
    while world.answer(&again(&brief)).await != MintOutcome::Minted {
        assert!(Instant::now() < deadline, "the replay record stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A message that is true only of a leaked token may be on its way for that long.
#[tokio::test(flavor = "multi_thread")]
async fn leaked_token_record_stays_a_week() {
    let server = RedisServer::start();
    let world = World::redis(single(server.port), TIMEOUT).await;
    world.clock.advance(10);
    let (leaked, revoked) = (world.mint(), world.mint());
    let sibling = Mint { replay_key: fresh(), ..again(&leaked) };
    for mint in [&leaked, &sibling, &revoked] {
        assert_eq!(world.answer(mint).await, MintOutcome::Minted);
    }
    let family = Some(leaked.record.family());
    let run = [RevocationTarget { tag: leaked.tag, tokens: vec![leaked.hash], family, cause: None }];
    world.store.revoke(run.into(), world.revoked(RevocationReason::Leaked)).await.expect("an answer");
    world.revoke(&revoked, world.revoked(RevocationReason::Revoked)).await;

    let mut connection = server.connect().await;
    let week = 7 * 86_400;
    let (life, slow) = (TTL.cast_signed(), 30);
    for (what, mint, expected) in [
        ("the reported token", &leaked, week - slow..=week),
        ("another token of its run", &sibling, week - slow..=week),
        ("a token that its holder revoked", &revoked, life - slow..=life + 60),
    ] {
        let hash: String = mint.hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("trustmint:{{{}}}:token:{hash}", mint.tag.as_str());
        let ttl: i64 = connection.ttl(&key).await.expect("a time to live");
        assert!(expected.contains(&ttl), "{what}: {ttl} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_eviction_is_refused() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = RedisServer::with(&["--maxmemory-policy", policy, "--maxmemory", "100mb"]);
        let store = Redis::new(&url(single(server.port)), TIMEOUT).expect("a store");
        let error = store.ready().await.expect_err("refused").to_string();
        assert!(error.contains(policy) && error.contains("noeviction"), "{error}");
        // The operator repairs it, and needs no restart.
        redis_cli(Some(server.port), &["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        store.ready().await.expect("ready");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replica_is_refused() {
    let primary = RedisServer::start();
    let port = primary.port.to_string();
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
    let world = World::redis(single(primary.port), TIMEOUT).await;
    world.clock.advance(10);
    let mint = world.mint();
    assert_eq!(world.answer(&mint).await, MintOutcome::Minted);
    until_linked(replica.port);

    // What a replica knows may be old: a token that it calls live may be dead.
    let store = Redis::new(&url(single(replica.port)), TIMEOUT).expect("a store");
    assert!(store.ready().await.is_err());
    assert!(store.find(mint.tag, mint.hash).await.is_err());

    // Nor is a primary that becomes a replica while it is connected.
    redis_cli(Some(primary.port), &["REPLICAOF", "127.0.0.1", "1"]);
    assert!(world.store.ready().await.is_err());
    assert!(world.store.find(mint.tag, mint.hash).await.is_err());
    redis_cli(Some(primary.port), &["REPLICAOF", "NO", "ONE"]);
    world.until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tombstone_takes_at_most_100_bytes() {
    let server = RedisServer::start();
    let world = World::redis(single(server.port), TIMEOUT).await;
    world.clock.advance(10);
    let tag = world.mint().tag;
    for _ in 0..1_000 {
        assert_eq!(world.answer(&Mint { tag, ..world.mint() }).await, MintOutcome::Minted);
    }
    let key = format!("trustmint:{{{}}}:tombstones:*", tag.as_str());
    let key = redis_cli(Some(server.port), &["KEYS", &key]);
    let count: usize = redis_cli(Some(server.port), &["SCARD", key.trim()]).trim().parse().expect("a count");
    let usage = redis_cli(Some(server.port), &["MEMORY", "USAGE", key.trim(), "SAMPLES", "0"]);
    let each = usage.trim().parse::<usize>().expect("bytes") / count;
    println!("{count} tombstones of {each} bytes each, in Redis' memory");
    assert!(count >= 300 && each <= 100, "{count} of {each} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_waits_for_a_replica() {
    let primary = RedisServer::start();
    let port = primary.port.to_string();
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
    let world = World::redis(single(primary.port), TIMEOUT).await;
    until_linked(replica.port);
    world.clock.advance(10);
    let mint = world.mint();
    assert_eq!(world.answer(&mint).await, MintOutcome::Minted);

    replica.signal("STOP");
    for _ in 0..2 {
        // The second time nothing is written any more; it must wait all the same.
        let revoked = world.store.revoke(targets(&mint), world.revoked(RevocationReason::Revoked)).await;
        assert!(revoked.expect_err("no replica has it").to_string().contains("replica"));
    }
    // Nor does another broker pretend, which wrote nothing.
    let other = World::redis(single(primary.port), TIMEOUT).await;
    assert!(other.store.revoke(targets(&mint), world.revoked(RevocationReason::Revoked)).await.is_err());
    let selector = trustmint::store::Selector {
        run: mint.record.run.as_deref().map(str::to_owned),
        ..Default::default()
    };
    let set_cut_off =
        world.store.set_cut_off(selector.clone(), trustmint::store::CutOffAction::Revoke, 1).await;
    assert!(set_cut_off.is_err(), "a cut-off waits as well");

    replica.signal("CONT");
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = world.store.revoke(targets(&mint), world.revoked(RevocationReason::Revoked)).await
    {
        assert!(Instant::now() < deadline, "{error}");
    }
    let key = format!("trustmint:{{{}}}:token:*", mint.tag.as_str());
    let key = redis_cli(Some(replica.port), &["KEYS", &key]);
    assert!(redis_cli(Some(replica.port), &["GET", key.trim()]).starts_with('D'), "the replica knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn connects_with_short_deadline_and_slow_epochs() {
    let server = RedisServer::start();
    // The shortest `store_timeout` that the configuration takes.
    let world = World::redis(single(server.port), Duration::from_millis(50)).await;
    world.clock.advance(1);
    let deadline = Instant::now() + Duration::from_secs(10);
    let mint = Arc::new(world.mint());
    while world.store.mint(Arc::clone(&mint)).await != Ok(MintOutcome::Minted) {
        assert!(Instant::now() < deadline, "never");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retried_mint_finds_its_own_hash() {
    let server = RedisServer::start();
    let proxy = Proxy::before(server.port).await;
    let world = World::redis(single(proxy.port), TIMEOUT).await;
    world.clock.advance(10);
    let mint = world.mint();
    proxy.cut_answers_to(b"EVALSHA", 1);
    world.store.mint(Arc::new(mint.clone())).await.expect_err("cut");
    assert_eq!(proxy.cut(), 1);
    assert_eq!(world.answer(&mint).await, MintOutcome::Minted);
    assert_eq!(world.answer(&again(&mint)).await, MintOutcome::Replayed);
    let mut sibling = again(&mint);
    sibling.replay_key = fresh();
    assert_eq!(world.answer(&sibling).await, MintOutcome::Minted, "the cut connection came back");
}

/// Tag → second of its epoch.
async fn epochs(server: &RedisServer) -> BTreeMap<String, u64> {
    let mut connection = server.connect().await;
    let keys: Vec<String> = connection.keys("trustmint:*:epoch").await.expect("keys");
    let values: Vec<String> = connection.mget(&keys).await.expect("values");
    let second =
        |value: &str| value.rsplit(' ').next().and_then(|second| second.parse().ok()).expect("a second");
    keys.into_iter().zip(values.iter().map(|value| second(value))).collect()
}
