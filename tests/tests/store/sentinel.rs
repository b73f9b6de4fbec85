//! Redis behind Sentinel.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use trustmint::clock::Clock as _;
use trustmint::store::redis::Topology;
use trustmint::store::{Entry, MintOutcome, RevocationReason};
use trustmint::token::TAG_COUNT;
use trustmint_tests::redis_topology::{Sentinel, Watched, redis_cli};

use super::contract;
use super::world::{TIMEOUT, World, again, shared};

/// Replicas answer late on a busy machine; a sixth of this is what a kill waits for them.
const PATIENT: Duration = Duration::from_secs(6);

fn topology(sentinels: &[u16]) -> Topology {
    Topology::Sentinel {
        servers: sentinels.iter().map(|port| format!("127.0.0.1:{port}")).collect(),
        primary: Sentinel::NAME.to_owned(),
        database: 0,
    }
}

contract::test_contract!(start);

/// Returns an empty world on the shared servers, which one test at a time has to itself: a test that moves the clock
/// makes every key of the servers expire earlier.
async fn start() -> (World, (Arc<Watched>, MutexGuard<'static, ()>)) {
    static TURN: AsyncMutex<()> = AsyncMutex::const_new(());
    static SERVERS: Mutex<Weak<Watched>> = Mutex::new(Weak::new());
    let watched = shared(&SERVERS, Watched::start);
    let turn = TURN.lock().await;
    (World::redis(topology(&[watched.sentinel.port]), PATIENT).await, (watched, turn))
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_never_mints_twice() {
    let mut watched = Watched::start();
    let world = World::redis(topology(&[watched.sentinel.port]), PATIENT).await;
    world.clock.advance(10);
    let (spent, unspent, revoked) = (world.mint(), world.mint(), world.mint());
    assert_eq!(world.answer(&spent).await, MintOutcome::Minted);
    assert_eq!(world.answer(&revoked).await, MintOutcome::Minted);
    world.revoke(&revoked, world.revoked(RevocationReason::Revoked)).await;

    // The replica hears nothing of this one.
    let lost = world.mint();
    watched.replica.signal("STOP");
    redis_cli(Some(watched.primary.port), &["CLIENT", "KILL", "TYPE", "replica"]);
    assert_eq!(world.answer(&lost).await, MintOutcome::Minted);
    watched.primary.kill();
    watched.replica.signal("CONT");
    world.clock.advance(10);
    world.until_ready().await;
    assert!(redis_cli(Some(watched.replica.port), &["ROLE"]).starts_with("master"));

    let epochs = redis_cli(Some(watched.replica.port), &["KEYS", "trustmint:*:epoch"]);
    assert_eq!(epochs.lines().count(), usize::from(TAG_COUNT));
    let values: Vec<_> = epochs.lines().collect();
    let values = redis_cli(Some(watched.replica.port), &[&["MGET"], &values[..]].concat());
    let now = world.clock.now().to_string();
    assert!(values.lines().all(|epoch| epoch.ends_with(&now)), "epochs are renewed");

    assert_eq!(world.answer(&again(&spent)).await, MintOutcome::Replayed);
    assert_eq!(world.answer(&again(&lost)).await, MintOutcome::Reset);
    assert_eq!(world.answer(&unspent).await, MintOutcome::Reset);
    let entry = world.store.find(revoked.tag, revoked.hash).await.expect("an answer");
    assert!(matches!(entry, Some(Entry::Dead(..))), "{entry:?}");
    world.clock.advance(1);
    assert_eq!(world.answer(&world.mint()).await, MintOutcome::Minted);
}

/// The host of the primary is gone, and with it the Sentinel on it: its address swallows packets.
#[tokio::test(flavor = "multi_thread")]
async fn silent_sentinel_does_not_block_the_primary() {
    let mut watched = Watched::start();
    let hole = BlackHole::open().await;
    let world = World::redis(topology(&[hole.port, watched.sentinel.port]), TIMEOUT).await;
    watched.primary.kill();
    assert!(world.store.ready().await.is_err());
    world.until_ready().await;
    assert!(redis_cli(Some(watched.replica.port), &["ROLE"]).starts_with("master"));
}

/// A port whose connections are never accepted.
struct BlackHole {
    port: u16,
    _kept: (tokio::net::TcpListener, Vec<TcpStream>),
}

impl BlackHole {
    async fn open() -> Self {
        let socket = TcpSocket::new_v4().expect("socket");
        socket.bind("127.0.0.1:0".parse().expect("address")).expect("a port");
        let listener = socket.listen(1).expect("listening");
        let port = listener.local_addr().expect("address").port();
        let mut queued = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Ok(stream) =
            tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(("127.0.0.1", port))).await
        {
            assert!(Instant::now() < deadline, "the queue never fills");
            queued.push(stream.expect("queued"));
        }
        Self { port, _kept: (listener, queued) }
    }
}
