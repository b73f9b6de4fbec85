//! What a broker of the tests is started with: a configuration, policies, files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::broker::sha256_hex;
use crate::{BrokerProcess, Issuer};

/// RFC 8693's grant type.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The type of an ID token.
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// The only audience of the registry of tests.
pub const AUDIENCE: &str = "pypi.example.com";
/// `public_url` of the broker of tests.
pub const PUBLIC_URL: &str = "https://publish.example.com";
/// The client that may introspect, and its secret.
pub const CLIENT: (&str, &str) = ("pypi-backend", "correct-horse-battery-staple");
/// The admin listener's token.
pub const ADMIN_TOKEN: &str = "admin-token-of-the-tests";

/// The policy of tests: the release job of `acme/widget` may publish two packages.
pub const POLICY: &str = r#"
[[policy]]
id       = "widget-release"
issuer   = "github"
registry = "pypi"
packages = ["widget", "Widget.Extras"]
actions  = ["publish", "create"]

[policy.match]
repository_owner_id = "9100048"
repository_id       = "48124571"
workflow_file       = "release.yml"
environment         = "pypi"
ref                 = { glob = "refs/tags/v*" }
"#;

/// What a broker is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// `[issuers.*]` tables.
    pub issuers: String,
    /// `[registries.*]` tables.
    pub registries: String,
    /// `[store]`; empty: embedded, in the broker's folder.
    pub store: String,
    /// Lines of `[limits]` beside the generous ones of tests.
    pub limits: String,
    /// Lines of `[listen]` beside the addresses.
    pub listen: String,
    /// Where the admin listener is.
    pub admin: String,
    /// Where events go, relative to the broker's folder.
    pub audit: String,
    /// Lines of `[policies]` beside the path.
    pub reload: String,
    /// Policy files: name and text.
    pub policies: Vec<(String, String)>,
    /// Other files of the broker's folder: name and text.
    pub files: Vec<(String, String)>,
    /// What is logged; `TRUSTMINT_TEST_LOG` overrides it.
    pub log_level: String,
}

impl Setup {
    /// One GitHub-like issuer, one PyPI-like registry, one policy.
    pub fn new(issuer: &Issuer) -> Self {
        Self::trusting(&issuer.url, &issuer.ca)
    }

    /// The same, where the issuer is at this URL and its authority's certificate is this one.
    pub fn trusting(url: &str, ca: &str) -> Self {
        let mut setup = Self::with_issuers(format!(
            "[issuers.github]\nkind = \"github\"\nurl = \"{url}\"\nca_file = \"issuer-ca.pem\"\nallow_private = [\"127.0.0.0/8\"]\n"
        ));
        setup.files.push(("issuer-ca.pem".to_owned(), ca.to_owned()));
        setup
    }

    /// These issuers, one PyPI-like registry, one policy.
    pub fn with_issuers(issuers: String) -> Self {
        let hash = sha256_hex(CLIENT.1);
        Self {
            issuers,
            registries: format!(
                "[registries.pypi]\nkind = \"pypi\"\naudiences = [\"{AUDIENCE}\"]\ntoken_prefix = \"exm_pypi_\"\n\n\
                 [[registries.pypi.clients]]\nid = \"{}\"\nsecret_sha256 = [\"{hash}\"]\n",
                CLIENT.0
            ),
            store: "[store]\npath = \"store.redb\"\n".to_owned(),
            limits: String::new(),
            listen: String::new(),
            admin: "127.0.0.1:0".to_owned(),
            audit: "audit.jsonl".to_owned(),
            reload: String::new(),
            policies: vec![("widget.toml".to_owned(), POLICY.to_owned())],
            files: Vec::new(),
            log_level: "debug".to_owned(),
        }
    }

    /// With another `[store]`, such as Redis at a URL.
    pub fn store_url(mut self, url: &str) -> Self {
        self.store = format!("[store]\nurl = \"{url}\"\n");
        self
    }

    /// With one registry of another kind instead, under this host and with the kind's own audiences;
    /// the policy is about these packages of it.
    pub fn registry_of_kind(self, kind: &str, host: &str, packages: &[&str]) -> Self {
        let registries = self
            .registries
            .replace("registries.pypi", &format!("registries.{kind}"))
            .replace("kind = \"pypi\"", &format!("kind = \"{kind}\""))
            .replace("exm_pypi_", &format!("exm_{kind}_"))
            .replace(&format!("audiences = [\"{AUDIENCE}\"]"), &format!("hosts = [\"{host}\"]"));
        let policy = POLICY
            .replace("registry = \"pypi\"", &format!("registry = \"{kind}\""))
            .replace("[\"widget\", \"Widget.Extras\"]", &format!("{packages:?}"));
        Self { registries, ..self.policies(&policy) }
    }

    /// Where a leak suspends the policies behind it.
    pub fn suspending_on_leak(mut self) -> Self {
        let kind = "kind = \"pypi\"\n";
        assert!(self.registries.contains(kind), "the usual registry");
        self.registries = self.registries.replace(kind, &format!("{kind}on_leak = \"suspend\"\n"));
        self
    }

    /// With these policies instead.
    pub fn policies(mut self, text: &str) -> Self {
        self.policies = vec![("policies.toml".to_owned(), text.to_owned())];
        self
    }

    /// With more lines of `[policies]`.
    pub fn reload(mut self, lines: &str) -> Self {
        self.reload.push_str(lines);
        self
    }

    /// With more lines of `[limits]`.
    pub fn limits(mut self, lines: &str) -> Self {
        self.limits.push_str(lines);
        self
    }

    /// Writes everything into a folder; returns the configuration's path.
    pub fn write(&self, folder: &Path) -> PathBuf {
        // What a test sets itself is not set twice.
        let generous = [("requests_per_second", 1_000_000), ("request_burst", 1_000_000)]
            .into_iter()
            .filter(|(name, _)| !self.limits.contains(name))
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect::<String>();
        let config = format!(
            "public_url = \"{PUBLIC_URL}\"\n\n[listen]\npublic = \"127.0.0.1:0\"\nops = \"127.0.0.1:0\"\n\
             admin = \"{}\"\nadmin_token_file = \"admin-token\"\n{}\n{}\n[policies]\npath = \"policies\"\n{}\n\
             [audit]\npath = \"{}\"\n\n[limits]\n{generous}{}\n{}\n{}\n",
            self.admin,
            self.listen,
            self.store,
            self.reload,
            self.audit,
            self.limits,
            self.issuers,
            self.registries
        );
        std::fs::create_dir_all(folder.join("policies")).expect("folder");
        for (name, text) in &self.policies {
            std::fs::write(folder.join("policies").join(name), text).expect("policy");
        }
        for (name, text) in &self.files {
            std::fs::write(folder.join(name), text).expect("file");
        }
        std::fs::write(folder.join("admin-token"), format!("{ADMIN_TOKEN}\n")).expect("file");
        let path = folder.join("trustmint.toml");
        std::fs::write(&path, config).expect("configuration");
        path
    }

    /// Starts the binary and waits until its listeners are open.
    pub async fn start(self) -> BrokerProcess {
        let folder = tempfile::tempdir().expect("folder");
        self.write(folder.path());
        BrokerProcess::launch(Arc::new(folder), self.log_level).await
    }
}
