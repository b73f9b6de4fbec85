//! A server of someone else's, as a process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; it is killed when dropped.
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts it in a folder, which gets its log, and waits until it listens on this port of loopback.
    pub fn start(mut command: Command, folder: &Path, port: u16) -> Self {
        let log = folder.join("server.log");
        let file = std::fs::File::create(&log).expect("a log");
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file);
        let name = command.get_program().to_owned();
        let child = command.spawn().unwrap_or_else(|error| panic!("{name:?}: {error}"));
        let mut server = Self { child };
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(server.child.try_wait().expect("child").is_none(), "{name:?} ended:\n{}", said());
            assert!(Instant::now() < deadline, "{name:?} does not listen:\n{}", said());
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
