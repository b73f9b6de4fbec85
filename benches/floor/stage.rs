//! What is measured and what it needs: a Redis, two servers, their configuration, their requests.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redis::Commands as _;
use trustmint::registry::SecretHash;

use crate::Outcome;
use crate::id_tokens::{AUDIENCE, Issuer};

/// How long a process may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);
const CLIENT: &str = "pypi-backend";
const SECRET: &str = "Zm9yIGEgYmVuY2htYXJrIG9ubHksIG5vIHNlY3JldA";

/// A folder, a Redis and an issuer; all gone when this is dropped.
pub(crate) struct Stage {
    pub(crate) issuer: Issuer,
    redis: Server,
    folder: Folder,
}

/// A process that listens. It is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Stage {
    pub(crate) fn set() -> Outcome<Self> {
        let issuer = Issuer::new()?;
        let folder = Folder::new()?;
        fs::write(folder.0.join("keys.json"), issuer.keys())?;
        fs::create_dir(folder.0.join("policies"))?;
        fs::write(folder.0.join("policies/release.toml"), POLICY)?;
        let address = free_address()?;
        let mut redis = Command::new("redis-server");
        redis
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .current_dir(&folder.0);
        let redis = Server::start("redis-server", address, &mut redis)?;
        Ok(Self { issuer, redis, folder })
    }

    /// trustmint as it ships.
    pub(crate) fn product(&self) -> Outcome<Server> {
        let (address, config) = self.config("trustmint", 0)?;
        let mut serve = Command::new(env!("CARGO_BIN_EXE_trustmint"));
        Server::start("trustmint", address, serve.arg("serve").arg("--config").arg(config))
    }

    /// The same without trustmint's own work.
    pub(crate) fn floor(&self) -> Outcome<Server> {
        let (address, config) = self.config("floor", 1)?;
        let mut serve = Command::new(std::env::current_exe()?);
        Server::start("bare floor", address, serve.arg("--floor").arg(config))
    }

    /// What a server has stored but for the births: kinds of keys and how much memory each takes.
    pub(crate) fn stored(&self, database: u8) -> Outcome<Vec<(String, usize)>> {
        let client = redis::Client::open(format!("redis://{}/{database}", self.redis.address))?;
        let mut connection = client.get_connection()?;
        let mut stored = Vec::new();
        for key in connection.keys::<_, Vec<String>>("*")? {
            let Some(kind) = key.split(':').nth(2).filter(|kind| *kind != "birth") else { continue };
            let bytes = redis::cmd("MEMORY").arg("USAGE").arg(&key).query(&mut connection)?;
            stored.push((kind.to_owned(), bytes));
        }
        stored.sort_unstable();
        Ok(stored)
    }

    /// The configuration of the server that uses this database. The limits refuse nothing here.
    fn config(&self, name: &str, database: u8) -> Outcome<(SocketAddr, PathBuf)> {
        let address = free_address()?;
        let config = format!(
            r#"
                public_url = "https://publish.example.com"
                listen = {{ public = "{address}" }}
                store = {{ url = "redis://{}/{database}" }}
                policies = {{ path = "policies" }}
                audit = {{ path = "{name}.jsonl" }}

                [limits]
                requests_per_second = 1000000
                request_burst = 1000000
                introspections_per_second = 1000000
                introspection_burst = 1000000

                [issuers.github]
                kind = "github"
                keys_file = "keys.json"

                [registries.pypi]
                kind = "pypi"
                audiences = ["{AUDIENCE}"]
                token_prefix = "exm_pypi_"

                [[registries.pypi.clients]]
                id = "{CLIENT}"
                secret_sha256 = ["{}"]
            "#,
            self.redis.address,
            SecretHash::of(SECRET.as_bytes()).to_hex(),
        );
        let path = self.folder.0.join(format!("{name}.toml"));
        fs::write(&path, config)?;
        Ok((address, path))
    }
}

const POLICY: &str = r#"
    [[policy]]
    id = "sampleproject-release"
    issuer = "github"
    registry = "pypi"
    packages = ["sampleproject"]
    actions = ["publish"]

    [policy.match]
    repository_owner_id = "9100048"
    repository_id = "48124571"
    workflow_file = "release.yml"
    environment = "pypi"
    event_name = ["push", "release"]
    ref = { glob = "refs/tags/v*" }

    [[policy.deny]]
    runner_environment = "self-hosted"
"#;

/// The bytes of an exchange (RFC 8693).
pub(crate) fn exchange_request(id_token: &str) -> Vec<u8> {
    post(
        "/oauth/token",
        "",
        &format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
             &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token\
             &audience=pypi&subject_token={id_token}"
        ),
    )
}

/// The bytes of an introspection (RFC 7662).
pub(crate) fn introspection_request(token: &str) -> Vec<u8> {
    let credentials = STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    post("/oauth/introspect", &format!("Authorization: Basic {credentials}\r\n"), &format!("token={token}"))
}

fn post(path: &str, headers: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: publish.example.com\r\nAccept: application/json\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

impl Server {
    fn start(name: &'static str, address: SocketAddr, command: &mut Command) -> Outcome<Self> {
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
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("floor-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
