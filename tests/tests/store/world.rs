//! A store, a clock, and mints to try.

use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use trustmint::clock::{Clock as _, ManualClock};
use trustmint::registry::{Package, RegistryKind};
use trustmint::store::redis::Redis;
use trustmint::store::redis::{RedisUrl, Topology};
use trustmint::store::{
    Embedded, Mint, MintOutcome, Revocation, RevocationReason, RevocationTarget, RevokedEntry, Slot, Store,
    TombstoneRetention,
};
use trustmint::token::{Record, Scope, TAG_COUNT, Tag, TokenHash};
use trustmint_tests::redis_topology::redis_cli;

/// How long a token of these tests lives.
pub const TTL: u64 = 900;
/// Long after any ID token of these tests has expired.
const REPLAY_TTL: u64 = 1000;
/// What a broker gives a store by default.
pub const TIMEOUT: Duration = Duration::from_millis(1500);

/// How tombstones are kept: for a month, and more than there are.
pub const REMEMBRANCE: TombstoneRetention = TombstoneRetention { ttl: 30 * 86_400, most: 10_000_000 };

/// Shortens the time to live of every key; a key whose time is over is deleted.
const EXPIRE_EARLIER: &str = "
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then
    redis.call('PEXPIRE', key, left - ARGV[1] * 1000)
  end
end
return redis.status_reply('OK')";

/// A store and the clock that it was given.
pub struct World {
    pub store: Arc<dyn Store>,
    pub clock: Arc<ManualClock>,
    /// When the store was born, in seconds.
    pub born: u64,
    /// The Redis servers of the store; none for the embedded store.
    topology: Option<Topology>,
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(1_800_000_000))
}

impl World {
    /// Returns the bound that leaves room for twenty tombstones of one tag and week. Redis shares it out to tags
    /// and to the weeks of a month.
    pub fn bound_of_twenty_tombstones(&self) -> u64 {
        if self.topology.is_some() { 20 * u64::from(TAG_COUNT) * 7 } else { 20 }
    }

    pub fn embedded(path: &Path) -> Self {
        let clock = clock();
        let born = clock.now();
        let store = Arc::new(Embedded::open(path, born).expect("a store"));
        Self { store, clock, born, topology: None }
    }

    /// Waits until the store answers.
    pub async fn redis(topology: Topology, timeout: Duration) -> Self {
        let clock = clock();
        let url = url(topology.clone());
        let store = Redis::with_clock(&url, timeout, Arc::clone(&clock) as _).expect("a store");
        let world = Self { store: Arc::new(store), born: clock.now(), clock, topology: Some(topology) };
        world.until_ready().await;
        world
    }

    /// Moves the clock, and lets every key of Redis expire by as much earlier: Redis expires keys by
    /// its own clock, which cannot be moved.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(seconds);
        for port in self.topology.as_ref().map(primaries).unwrap_or_default() {
            let answer = redis_cli(Some(port), &["EVAL", EXPIRE_EARLIER, "0", &seconds.to_string()]);
            assert_eq!(answer.trim(), "OK", "the server at port {port}");
        }
    }

    /// A mint with an ID token, a run and a registry token of its own, issued now.
    pub fn mint(&self) -> Mint {
        let replay_key = fresh();
        let run = format!("github|1|2|{}", u64::from_be_bytes(replay_key[..8].try_into().expect("8 bytes")));
        let now = self.clock.now();
        Mint {
            tag: Tag::of(run.as_bytes()),
            replay_key,
            slot: Slot::Whole,
            max_packages: 3,
            tokens_per_run: Vec::new(),
            issued_at: now,
            replay_until: now + REPLAY_TTL,
            hash: TokenHash(fresh()),
            record: Record {
                registry: "pypi".into(),
                issuer: "github".into(),
                subject: "github|1|2".into(),
                run: Some(run.into()),
                id_token: None,
                scope: Scope::parse(RegistryKind::Pypi, "package:widget:publish").expect("a scope"),
                minted_ms: self.clock.now_ms(),
                expires: now + TTL,
                policies: vec!["widget-release".into()],
                digest: "digest".into(),
                identity: r#"{"repository":"acme/widget"}"#.into(),
            },
            tombstone_retention: REMEMBRANCE,
            now,
        }
    }

    pub async fn answer(&self, mint: &Mint) -> MintOutcome {
        self.store.mint(Arc::new(mint.clone())).await.expect("an answer")
    }

    /// A killing by no one else.
    pub fn revoked(&self, why: RevocationReason) -> Revocation {
        let by = u64::from_be_bytes(fresh()[..8].try_into().expect("8 bytes"));
        Revocation { at: self.clock.now(), why, by, cause: None }
    }

    /// Kills one token, as its holder does.
    pub async fn revoke(&self, mint: &Mint, revoked: Revocation) -> Vec<RevokedEntry> {
        self.store.revoke(targets(mint), revoked).await.expect("an answer").remove(0)
    }

    pub async fn until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Err(error) = self.store.ready().await {
            assert!(Instant::now() < deadline, "never ready: {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Returns servers that concurrent tests share, because they take seconds to start. They end with the last test
/// that uses them.
pub fn shared<T>(servers: &Mutex<Weak<T>>, start: impl FnOnce() -> T) -> Arc<T> {
    let mut servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
    servers.upgrade().unwrap_or_else(|| {
        let started = Arc::new(start());
        *servers = Arc::downgrade(&started);
        started
    })
}

/// One token, by its name.
pub fn targets(mint: &Mint) -> Arc<[RevocationTarget]> {
    [RevocationTarget { tag: mint.tag, tokens: vec![mint.hash], family: None, cause: None }].into()
}

/// The same ID token, to be spent on another registry token.
pub fn again(mint: &Mint) -> Mint {
    Mint { hash: TokenHash(fresh()), ..mint.clone() }
}

/// The same ID token, to be spent on a package.
pub fn on_package(mint: &Mint, name: &str) -> Mint {
    let package = Package::parse(RegistryKind::Generic, name).expect("a name");
    Mint { slot: Slot::Package(package), ..again(mint) }
}

/// 32 bytes that no other call in this process returned.
pub fn fresh() -> [u8; 32] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    static PAD: AtomicU8 = AtomicU8::new(0);
    let mut bytes = [PAD.fetch_add(7, Ordering::Relaxed); 32];
    bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

pub fn single(port: u16) -> Topology {
    Topology::Single { server: format!("127.0.0.1:{port}"), database: 0 }
}

/// The ports of the servers that hold keys and take writes.
fn primaries(topology: &Topology) -> Vec<u16> {
    let port = |server: &String| -> u16 {
        server.rsplit(':').next().and_then(|port| port.parse().ok()).expect("host:port")
    };
    match topology {
        Topology::Single { server, .. } => vec![port(server)],
        Topology::Cluster { servers } => servers.iter().map(port).collect(),
        Topology::Sentinel { servers, primary, .. } => {
            let answer =
                redis_cli(servers.first().map(port), &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", primary]);
            vec![answer.lines().nth(1).and_then(|port| port.parse().ok()).expect("its port")]
        }
    }
}

pub fn url(topology: Topology) -> RedisUrl {
    RedisUrl { topology, tls: false, ca: None, username: None, password: None }
}
