//! What is measured and what it needs: a Redis, two servers, their configuration, their requests.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redis::Commands as _;
use trustmint::registry::SecretHash;

use crate::Outcome;
use crate::shared::id_tokens::{AUDIENCE, Issuer};
use crate::shared::policy::policy;
use crate::shared::server::{Folder, Server, free_address};
use crate::shared::wire::post;

/// `iss` of the ID tokens.
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const CLIENT: &str = "pypi-backend";
const SECRET: &str = "Zm9yIGEgYmVuY2htYXJrIG9ubHksIG5vIHNlY3JldA";

/// A folder, a Redis and an issuer; all gone when this is dropped.
pub(crate) struct Stage {
    pub(crate) issuer: Issuer,
    redis: Server,
    folder: Folder,
}

impl Stage {
    pub(crate) fn set() -> Outcome<Self> {
        let issuer = Issuer::new(GITHUB)?;
        let folder = Folder::new()?;
        fs::write(folder.0.join("keys.json"), issuer.keys())?;
        fs::create_dir(folder.0.join("policies"))?;
        fs::write(folder.0.join("policies/release.toml"), policy("github"))?;
        let redis = Server::redis(&folder)?;
        Ok(Self { issuer, redis, folder })
    }

    /// trustmint as it ships.
    pub(crate) fn product(&self) -> Outcome<Server> {
        let (address, config) = self.config("trustmint", 0)?;
        Server::product(address, &config)
    }

    /// The same without trustmint's own work.
    pub(crate) fn floor(&self) -> Outcome<Server> {
        let (address, config) = self.config("floor", 1)?;
        let mut serve = Command::new(std::env::current_exe()?);
        Server::start("bare floor", address, serve.arg("--floor").arg(config))
    }

    /// What a server has stored but for the epochs: kinds of keys and how much memory each takes.
    pub(crate) fn stored(&self, database: u8) -> Outcome<Vec<(String, usize)>> {
        let client = redis::Client::open(format!("redis://{}/{database}", self.redis.address))?;
        let mut connection = client.get_connection()?;
        let mut stored = Vec::new();
        for key in connection.keys::<_, Vec<String>>("*")? {
            let Some(kind) = key.split(':').nth(2).filter(|kind| *kind != "epoch") else { continue };
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

/// The bytes of an introspection (RFC 7662).
pub(crate) fn introspection_request(token: &str) -> Vec<u8> {
    let credentials = STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    post("/oauth/introspect", &format!("Authorization: Basic {credentials}\r\n"), &format!("token={token}"))
}
