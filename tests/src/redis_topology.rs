//! Redis Cluster, and a primary with a replica that a Sentinel watches.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::programs::program;
use crate::redis_server::{RedisServer, free_port, wait_until_listening};

/// What a server needs to become a replica without a pause.
const REPLICATING: [&str; 4] = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];

/// Three masters that share the slots, and replicas of the first.
pub struct Cluster {
    pub masters: Vec<RedisServer>,
    pub replicas: Vec<RedisServer>,
}

impl Cluster {
    /// Three masters, with this many replicas of the first.
    pub fn start(replicas: usize) -> Self {
        let node = || {
            let bus = free_port().to_string();
            let mut arguments = vec!["--cluster-enabled", "yes", "--cluster-port", &bus];
            arguments.extend(["--cluster-node-timeout", "2000", "--appendonly", "yes"]);
            arguments.extend(REPLICATING);
            RedisServer::with(&arguments)
        };
        let cluster = Self {
            masters: (0..3).map(|_| node()).collect(),
            replicas: (0..replicas).map(|_| node()).collect(),
        };
        let addresses = cluster.masters.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let mut create = vec!["--cluster".to_owned(), "create".to_owned()];
        create.extend(addresses);
        create.push("--cluster-yes".to_owned());
        redis_cli(None, &create.iter().map(String::as_str).collect::<Vec<_>>());
        until_whole(&cluster.masters);
        let first = redis_cli(Some(cluster.masters[0].port), &["CLUSTER", "MYID"]);
        for replica in &cluster.replicas {
            let (ip, port) = ("127.0.0.1", cluster.masters[0].port.to_string());
            let bus = cluster.bus_of_first();
            redis_cli(Some(replica.port), &["CLUSTER", "MEET", ip, &port, &bus]);
            eventually("the replica knows its master", || {
                redis_cli(Some(replica.port), &["CLUSTER", "REPLICATE", first.trim()]).contains("OK")
            });
            until_linked(replica.port);
        }
        until_whole(&cluster.masters);
        until_whole(&cluster.replicas);
        cluster
    }

    /// For `[store] url`.
    pub fn url(&self) -> String {
        let servers: Vec<_> = self.masters.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis+cluster://{}", servers.join(","))
    }

    fn bus_of_first(&self) -> String {
        // `<id> <ip>:<port>@<bus> myself,master …`
        let nodes = redis_cli(Some(self.masters[0].port), &["CLUSTER", "NODES"]);
        let myself = nodes.lines().find(|line| line.contains("myself")).expect("itself");
        let bus = myself.split('@').nth(1).expect("a bus port");
        bus.split([' ', ',']).next().expect("a bus port").to_owned()
    }
}

/// Waits until these nodes see all slots covered.
pub fn until_whole(nodes: &[RedisServer]) {
    for node in nodes {
        eventually("the cluster is whole", || {
            redis_cli(Some(node.port), &["CLUSTER", "INFO"]).contains("cluster_state:ok")
        });
    }
}

/// A primary, its replica, and one Sentinel whose word is enough.
pub struct Watched {
    pub primary: RedisServer,
    pub replica: RedisServer,
    pub sentinel: Sentinel,
}

impl Watched {
    /// Starts all three; the Sentinel knows the replica when this returns.
    pub fn start() -> Self {
        let primary = RedisServer::with(&REPLICATING);
        let port = primary.port.to_string();
        let mut arguments = vec!["--replicaof", "127.0.0.1", &port];
        arguments.extend(REPLICATING);
        let replica = RedisServer::with(&arguments);
        until_linked(replica.port);
        let sentinel = Sentinel::watch(primary.port);
        eventually("the Sentinel knows the replica", || {
            let known = redis_cli(Some(sentinel.port), &["SENTINEL", "REPLICAS", Sentinel::NAME]);
            known.contains(&replica.port.to_string()) && known.contains("\nok\n")
        });
        Self { primary, replica, sentinel }
    }

    /// For `[store] url`.
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/{}/0", self.sentinel.port, Sentinel::NAME)
    }
}

/// A running Sentinel; it is killed when dropped.
pub struct Sentinel {
    pub port: u16,
    child: Child,
    _folder: TempDir,
}

impl Sentinel {
    /// The name that it gives the primary.
    pub const NAME: &str = "trustmint";

    fn watch(primary: u16) -> Self {
        let (folder, port, name) = (tempfile::tempdir().expect("folder"), free_port(), Self::NAME);
        let config = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor {name} 127.0.0.1 {primary} 1\n\
             sentinel down-after-milliseconds {name} 500\nsentinel failover-timeout {name} 3000\n"
        );
        std::fs::write(&config, text).expect("file");
        let child = sentinel(&config);
        wait_until_listening(port);
        Self { port, child, _folder: folder }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sentinel(config: &Path) -> Child {
    program("redis-server")
        .arg(config)
        .arg("--sentinel")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server")
}

/// Waits until a replica has caught up with its primary.
pub fn until_linked(replica: u16) {
    eventually("the replica follows its primary", || {
        redis_cli(Some(replica), &["INFO", "replication"]).contains("master_link_status:up")
    });
}

/// Runs `redis-cli`; what it prints.
pub fn redis_cli(port: Option<u16>, arguments: &[&str]) -> String {
    let mut command = program("redis-cli");
    if let Some(port) = port {
        command.args(["-p", &port.to_string()]);
    }
    let output = command.args(arguments).stdin(Stdio::null()).output().expect("redis-cli");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until a condition holds, polling it; fails after twenty seconds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
