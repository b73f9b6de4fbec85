//! Real registries behind a real proxy, and the stock clients of a CI job before it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;
use tempfile::TempDir;

use crate::programs::{program, tool};
use crate::proxied::{Upstreams, example};
use crate::redis_server::free_port;
use crate::server::Server;

/// A registry that knows nothing of trustmint; its folder holds what it has stored.
pub struct RegistryServer {
    pub port: u16,
    pub folder: TempDir,
    _server: Server,
}

impl RegistryServer {
    /// pypiserver, where only the proxy's own user may upload.
    pub fn pypiserver() -> Self {
        Self::start(|folder, port| {
            let password = run(program("openssl").args(["passwd", "-apr1", "swapped-in-pypi"]));
            let line = format!("pypiserver:{}", String::from_utf8_lossy(&password.stdout));
            std::fs::write(folder.join("htpasswd"), line).expect("file");
            std::fs::create_dir(folder.join("packages")).expect("folder");
            let mut command = Command::new(tool("pypi-server"));
            command.args([
                "run",
                "-i",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-a",
                "update",
                "-P",
                "htpasswd",
            ]);
            command.args(["--disable-fallback", "packages"]);
            command
        })
    }

    /// verdaccio with its example's configuration, and with the one user that it takes.
    pub async fn verdaccio() -> Self {
        let server = Self::start(|folder, port| {
            // The user registers itself before the listener is shut.
            let config = example("verdaccio.yaml", &[("max_users: -1", "max_users: 1".to_owned())]);
            std::fs::write(folder.join("verdaccio.yaml"), config).expect("file");
            let mut command = Command::new(tool("verdaccio"));
            command.args(["--config", "verdaccio.yaml", "--listen", &format!("127.0.0.1:{port}")]);
            command
        });
        let http = reqwest::Client::builder().no_proxy().build().expect("client");
        let user = format!("http://127.0.0.1:{}/-/user/org.couchdb.user:publisher", server.port);
        let user = http.put(user).json(&json!({ "name": "publisher", "password": "swapped-in-npm" }));
        assert_eq!(user.send().await.expect("an answer").status(), 201);
        server
    }

    /// cargo-http-registry, which has no users.
    pub fn crates() -> Self {
        Self::start(|folder, port| {
            let mut command = Command::new(tool("cargo-http-registry"));
            command.args(["--addr", &format!("127.0.0.1:{port}")]).arg(folder.join("crates"));
            command
        })
    }

    fn start(command: impl FnOnce(&Path, u16) -> Command) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let port = free_port();
        let mut command = command(folder.path(), port);
        command.env("HOME", folder.path());
        let server = Server::start(command, folder.path(), port);
        Self { port, folder, _server: server }
    }

    /// The paths of all files that it has stored, below its folder.
    pub fn stored(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(self.folder.path(), &mut files);
        files.iter().map(|file| file.display().to_string()).collect()
    }

    /// As the only one behind a proxy.
    pub fn alone(&self) -> Upstreams {
        Upstreams { pypi: self.port, npm: self.port, crates: self.port }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("its output");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What a client said, and how it ended.
pub struct Ended {
    pub success: bool,
    pub said: String,
}

/// Runs a client in a folder, where nothing of this machine matters but `PATH` and what is given.
pub async fn client(program: &Path, arguments: &[&str], folder: &Path, job: &[(&str, &str)]) -> Ended {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .env("NO_PROXY", "*")
        .envs(job.iter().copied())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ended { success: output.status.success(), said }
}
