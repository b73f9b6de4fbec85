//! Redis Cluster.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use trustmint::store::redis::Topology;
use trustmint::store::{Mint, MintOutcome};
use trustmint_tests::redis_topology::{Cluster, eventually, redis_cli, until_linked, until_whole};

use super::contract::{self, Kept};
use super::world::{TIMEOUT, World, again, shared};

fn topology(cluster: &Cluster) -> Topology {
    let servers = cluster.masters.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    Topology::Cluster { servers }
}

contract::test_contract!(start);

/// Returns an empty world on the shared servers, which one test at a time has to itself: a test that moves the clock
/// makes every key of the servers expire earlier.
async fn start() -> (World, (Arc<Cluster>, MutexGuard<'static, ()>)) {
    static TURN: AsyncMutex<()> = AsyncMutex::const_new(());
    static SERVERS: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let cluster = shared(&SERVERS, || Cluster::start(0));
    let turn = TURN.lock().await;
    (World::redis(topology(&cluster), TIMEOUT).await, (cluster, turn))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_cluster_keeps_answered_mints() {
    let mut cluster = Cluster::start(0);
    let world = World::redis(topology(&cluster), TIMEOUT).await;
    let epochs: usize = cluster
        .masters
        .iter()
        .map(|node| redis_cli(Some(node.port), &["KEYS", "trustmint:*:epoch"]).lines().count())
        .sum();
    assert_eq!(epochs, 3844, "all epochs are written at the first connection");
    world.clock.advance(10);

    // Every node is killed and started again: what was answered is there, what was not is refused.
    let kept = Kept::leave(&world).await;
    let unspent = world.mint();
    world.clock.advance(10);
    for node in &mut cluster.masters {
        node.kill();
    }
    let found = world.store.find(unspent.tag, unspent.hash).await;
    assert!(found.is_err(), "{found:?} from a cluster that is dead");
    for node in &mut cluster.masters {
        node.start_again();
    }
    until_whole(&cluster.masters);
    world.until_ready().await;
    kept.is_found(&world).await;
    assert_eq!(settled(&world, &unspent).await, MintOutcome::Reset);
    world.clock.advance(1);
    assert_eq!(settled(&world, &world.mint()).await, MintOutcome::Minted);
}

/// A primary is cut off, its replica takes over, and the primary comes back and takes over again.
/// What only it knew is lost on the way, though it is the same process as before.
#[tokio::test(flavor = "multi_thread")]
async fn demoted_primary_gets_a_new_epoch() {
    let cluster = Cluster::start(1);
    let (primary, replica) = (&cluster.masters[0], &cluster.replicas[0]);
    let world = World::redis(topology(&cluster), TIMEOUT).await;
    world.clock.advance(10);
    let mint = on_node(&world, primary.port);

    // The replica loses its link, and with it this mint.
    until_linked(replica.port);
    replica.signal("STOP");
    redis_cli(Some(primary.port), &["CLIENT", "KILL", "TYPE", "replica"]);
    assert_eq!(settled(&world, &mint).await, MintOutcome::Minted);
    primary.signal("STOP");
    replica.signal("CONT");
    let role = |port| redis_cli(Some(port), &["ROLE"]).lines().next().unwrap_or_default().to_owned();
    eventually("the replica takes over", || {
        redis_cli(Some(replica.port), &["CLUSTER", "FAILOVER", "TAKEOVER"]);
        role(replica.port) == "master"
    });
    primary.signal("CONT");
    eventually("the primary follows", || role(primary.port) == "slave");
    until_linked(primary.port);
    eventually("the primary takes over again", || {
        redis_cli(Some(primary.port), &["CLUSTER", "FAILOVER"]);
        role(primary.port) == "master"
    });
    until_linked(replica.port);

    world.clock.advance(10);
    assert_eq!(settled(&world, &again(&mint)).await, MintOutcome::Reset, "it was spent, and no one knows");
    world.clock.advance(1);
    assert_eq!(settled(&world, &on_node(&world, primary.port)).await, MintOutcome::Minted);
}

/// A mint whose slot is on this node.
fn on_node(world: &World, port: u16) -> Mint {
    let answers = |mint: &Mint| {
        let key = format!("trustmint:{{{}}}:epoch", mint.tag.as_str());
        !redis_cli(Some(port), &["GET", &key]).contains("MOVED")
    };
    std::iter::repeat_with(|| world.mint()).find(answers).expect("one of three")
}

/// The answer, once the cluster's client has found its way.
async fn settled(world: &World, mint: &Mint) -> MintOutcome {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        match world.store.mint(Arc::new(mint.clone())).await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}
