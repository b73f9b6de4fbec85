//! A real `redis-server`.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::programs::program;

/// A running server; it is killed when dropped.
pub struct RedisServer {
    pub port: u16,
    arguments: Vec<String>,
    folder: TempDir,
    child: Child,
}

impl RedisServer {
    /// Keeps every write on disk before it answers, as a store of spent ID tokens should.
    pub fn start() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// With these arguments beside port and folder.
    pub fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let port = free_port();
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let child = spawn(port, folder.path(), &arguments);
        Self { port, arguments, folder, child }
    }

    /// For `[store] url`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A connection of the test's own.
    pub async fn connect(&self) -> redis::aio::MultiplexedConnection {
        redis::Client::open(self.url())
            .expect("url")
            .get_multiplexed_async_connection()
            .await
            .expect("connection")
    }

    /// Sends a signal by name, such as `STOP` or `CONT`.
    pub fn signal(&self, name: &str) {
        crate::signal(self.child.id(), name);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Starts again on the same port and files.
    pub fn start_again(&mut self) {
        self.child = spawn(self.port, self.folder.path(), &self.arguments);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("address").port()
}

fn spawn(port: u16, folder: &Path, arguments: &[String]) -> Child {
    let child = program("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server");
    wait_until_listening(port);
    child
}

/// Waits until someone listens on a port of loopback.
pub(crate) fn wait_until_listening(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "redis-server does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
}
