//! Processes that are measured or needed, and a folder for their files.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Outcome;

/// How long a process may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that listens. It is revoked when this is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Server {
    /// trustmint as it ships, with this configuration.
    pub(crate) fn product(address: SocketAddr, config: &Path) -> Outcome<Self> {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_trustmint"));
        Self::start("trustmint", address, serve.arg("serve").arg("--config").arg(config))
    }

    /// A Redis that keeps nothing.
    pub(crate) fn redis(folder: &Folder) -> Outcome<Self> {
        let address = free_address()?;
        let mut redis = Command::new("redis-server");
        redis
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .current_dir(&folder.0);
        Self::start("redis-server", address, &mut redis)
    }

    /// Starts a process and waits until it listens.
    pub(crate) fn start(name: &'static str, address: SocketAddr, command: &mut Command) -> Outcome<Self> {
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .env("TRUSTMINT_LOG", "warn")
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        let mut server = Self { name, address, process };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.process.try_wait()? {
                return Err(format!("{name} ended at once: {status}").into());
            }
            if Instant::now() > deadline {
                return Err(format!("{name} does not listen").into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder below cargo's own for such things.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Outcome<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An address that no one listens at.
pub(crate) fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
