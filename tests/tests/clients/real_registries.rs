//! From a stock client to a stored package: real registries that know nothing of trustmint, behind
//! nginx with its example's configuration. A good job publishes; a revoked, an expired and a foreign
//! token are refused by the same set-up.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use trustmint_tests::clients::{Ended, RegistryServer, client};
use trustmint_tests::in_process::InProcess;
use trustmint_tests::programs::{program, tool};
use trustmint_tests::proxied::{Hosts, Kind, Proxy, Site, setup};
use trustmint_tests::{Issuer, github};

/// The registry under test is `localhost`, a name that every client resolves.
const PYPI: Hosts = [
    ("pypi.example.com", "localhost"),
    ("npm.example.com", "npm.invalid"),
    ("crates.example.com", "crates.invalid"),
];
const NPM: Hosts = [
    ("pypi.example.com", "pypi.invalid"),
    ("npm.example.com", "localhost"),
    ("crates.example.com", "crates.invalid"),
];
const CRATES: Hosts = [
    ("pypi.example.com", "pypi.invalid"),
    ("npm.example.com", "npm.invalid"),
    ("crates.example.com", "localhost"),
];

/// A job's machine: its folder, and the authority of the proxy's certificate.
struct Job {
    folder: TempDir,
    port: u16,
    authority: String,
}

impl Job {
    fn before(proxy: &Proxy) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("authority.pem");
        std::fs::write(&path, &proxy.ca).expect("file");
        Self { folder, port: proxy.port, authority: path.display().to_string() }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(path, text).expect("file");
    }

    /// A real wheel of this name, in `dist`.
    fn wheel(&self, name: &str) -> PathBuf {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wheel.py");
        let folder = self.folder.path().join("dist");
        std::fs::create_dir(&folder).expect("folder");
        let output = program("python3").arg(script).arg(folder).args([name, "1.2.3"]).output();
        let output = output.expect("python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
    }

    /// `uv publish`, with this token or with trusted publishing from this ID token.
    async fn uv(&self, wheel: &Path, token: Option<&str>, id_token: &str) -> Ended {
        let (url, wheel) = (self.url(), wheel.display().to_string());
        let mut arguments = vec!["publish", "--publish-url", &url, &wheel];
        match token {
            Some(token) => arguments.extend(["--trusted-publishing", "never", "--token", token]),
            None => arguments.extend(["--trusted-publishing", "always"]),
        }
        let cache = self.folder.path().join("cache").display().to_string();
        let job = [
            ("UV_NO_CONFIG", "1"),
            ("UV_CACHE_DIR", &cache),
            ("UV_KEYRING_PROVIDER", "disabled"),
            ("SSL_CERT_FILE", &self.authority),
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("LOCALHOST_ID_TOKEN", id_token),
        ];
        client(&tool("uv"), &arguments, self.folder.path(), &job).await
    }

    /// `pdm publish` of what is in `dist`.
    async fn pdm(&self, token: Option<&str>, id_token: &str) -> Ended {
        self.write(
            "pyproject.toml",
            "[project]\nname = \"widget\"\nversion = \"1.2.3\"\nrequires-python = \">=3.8\"\n",
        );
        let url = self.url();
        let mut arguments = vec!["publish", "--no-build", "-r", &url, "--ca-certs", &self.authority];
        if let Some(token) = token {
            arguments.extend(["-u", "__token__", "-P", token]);
        }
        let job = [
            ("PDM_CHECK_UPDATE", "0"),
            ("PDM_USE_VENV", "false"),
            ("SSL_CERT_FILE", &self.authority),
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("LOCALHOST_ID_TOKEN", id_token),
        ];
        client(&tool("pdm"), &arguments, self.folder.path(), &job).await
    }

    /// `npm publish` of a package of this name, with this token or with trusted publishing.
    async fn npm(&self, name: &str, token: Option<&str>, id_token: &str) -> Ended {
        self.write("package.json", &json!({ "name": name, "version": "1.2.3" }).to_string());
        self.write("index.js", "module.exports = 1\n");
        self.write(
            ".npmrc",
            &token.map_or(String::new(), |token| format!("//localhost:{}/:_authToken={token}\n", self.port)),
        );
        let url = self.url();
        let arguments = ["publish", "--access", "public", "--loglevel", "verbose", "--registry", &url];
        let ci = [
            ("NPM_CONFIG_CAFILE", self.authority.as_str()),
            ("NPM_CONFIG_UPDATE_NOTIFIER", "false"),
            ("GITLAB_CI", "true"),
            ("NPM_ID_TOKEN", id_token),
        ];
        // With a token of its own, it is not a CI.
        let job = if token.is_some() { &ci[..2] } else { &ci };
        client(&tool("npm"), &arguments, self.folder.path(), job).await
    }

    /// `cargo publish` of `widget` with this token.
    async fn cargo(&self, token: &str) -> Ended {
        let manifest = "[package]\nname = \"widget\"\nversion = \"1.2.3\"\nedition = \"2021\"\n\
                        description = \"a widget\"\nlicense = \"MIT\"\n[workspace]\n";
        self.write("Cargo.toml", manifest);
        self.write("src/lib.rs", "");
        let cargo = PathBuf::from(std::env::var_os("CARGO").expect("cargo runs the tests"));
        let rustc = cargo.with_file_name("rustc").display().to_string();
        let home = self.folder.path().join("cargo").display().to_string();
        let index = format!("sparse+{}crates/", self.url());
        let job = [
            ("CARGO_HOME", home.as_str()),
            ("RUSTC", &rustc),
            ("CARGO_HTTP_CAINFO", &self.authority),
            ("CARGO_REGISTRIES_PRIVATE_INDEX", &index),
            ("CARGO_REGISTRIES_PRIVATE_TOKEN", token),
        ];
        let arguments = ["publish", "--registry", "private", "--no-verify", "--allow-dirty"];
        client(&cargo, &arguments, self.folder.path(), &job).await
    }
}

/// An ID token with GitHub's claims for this audience.
fn id_token(issuer: &Issuer, audience: &str) -> String {
    issuer.sign(&github(&issuer.url, audience))
}

/// Tokens that were good for this scope once, and one of another registry.
async fn bad_tokens(site: &Site, registry: &str, scope: &str) -> [(&'static str, String); 2] {
    let revoked = site.token(registry, scope).await;
    assert_eq!(site.broker.revoke(&revoked).await.status, 200);
    let foreign = match registry {
        "pypi" => site.token("npm", "package:%40acme%2Fwidget:publish").await,
        _ => site.token("pypi", "package:widget:publish").await,
    };
    [("revoked", revoked), ("foreign", foreign)]
}

fn has(registry: &RegistryServer, file: &str) -> bool {
    registry.stored().iter().any(|path| path.ends_with(file))
}

#[tokio::test(flavor = "multi_thread")]
async fn uv_publishes_to_pypiserver() {
    let registry = RegistryServer::pypiserver();
    let site = Site::start(Kind::Nginx, PYPI, registry.alone()).await;
    let job = Job::before(&site.proxy);
    let wheel = job.wheel("widget");
    for (what, token) in bad_tokens(&site, "pypi", "package:widget:publish").await {
        let ended = job.uv(&wheel, Some(&token), "").await;
        assert!(!ended.success && ended.said.contains("401"), "{what}: {}", ended.said);
    }
    assert!(!has(&registry, ".whl"));
    let ended = job.uv(&wheel, None, &id_token(&site.issuer, "localhost")).await;
    assert!(ended.success, "{}", ended.said);
    assert!(has(&registry, "packages/widget-1.2.3-py3-none-any.whl"), "{:?}", registry.stored());
}

#[tokio::test(flavor = "multi_thread")]
async fn pdm_publishes_to_pypiserver() {
    let registry = RegistryServer::pypiserver();
    let site = Site::start(Kind::Nginx, PYPI, registry.alone()).await;
    let job = Job::before(&site.proxy);
    job.wheel("widget");
    for (what, token) in bad_tokens(&site, "pypi", "package:widget:publish").await {
        let ended = job.pdm(Some(&token), "").await;
        assert!(!ended.success && ended.said.contains("401"), "{what}: {}", ended.said);
    }
    assert!(!has(&registry, "packages/widget-1.2.3-py3-none-any.whl"));
    let ended = job.pdm(None, &id_token(&site.issuer, "localhost")).await;
    assert!(ended.success, "{}", ended.said);
    assert!(has(&registry, "packages/widget-1.2.3-py3-none-any.whl"), "{:?}", registry.stored());
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_publishes_to_verdaccio() {
    let registry = RegistryServer::verdaccio().await;
    let site = Site::start(Kind::Nginx, NPM, registry.alone()).await;
    let job = Job::before(&site.proxy);
    let scope = "package:%40acme%2Fwidget:publish";
    for (what, token) in bad_tokens(&site, "npm", scope).await {
        let ended = job.npm("@acme/widget", Some(&token), "").await;
        assert!(!ended.success && ended.said.contains("401"), "{what}: {}", ended.said);
    }
    let good = site.token("npm", scope).await;
    let ended = job.npm("@acme/other", Some(&good), "").await;
    assert!(!ended.success && ended.said.contains("403"), "a wrong package: {}", ended.said);
    let ended = job.npm("@acme/other", None, &id_token(&site.issuer, "npm:localhost")).await;
    assert!(!ended.success && ended.said.contains("Failed token exchange request"), "{}", ended.said);
    assert!(!has(&registry, ".tgz"));

    let ended = job.npm("@acme/widget", None, &id_token(&site.issuer, "npm:localhost")).await;
    assert!(ended.success, "{}", ended.said);
    assert!(has(&registry, "@acme/widget/widget-1.2.3.tgz"), "{:?}", registry.stored());
}

#[tokio::test(flavor = "multi_thread")]
async fn cargo_publishes_to_a_cargo_registry() {
    let registry = RegistryServer::crates();
    let site = Site::start(Kind::Nginx, CRATES, registry.alone()).await;
    let job = Job::before(&site.proxy);
    for (what, token) in bad_tokens(&site, "crates", "package:widget:publish").await {
        let ended = job.cargo(&token).await;
        assert!(!ended.success && ended.said.contains("401"), "{what}: {}", ended.said);
    }
    assert!(!has(&registry, ".crate"));
    // As the login action does, through the same proxy.
    let exchange = format!("{}api/v1/trusted_publishing/tokens", job.url());
    let exchange = site.proxy.client(&CRATES).post(exchange);
    let answer = exchange.json(&json!({ "jwt": id_token(&site.issuer, "localhost") })).send().await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    let ended = job.cargo(answer["token"].as_str().expect("a token")).await;
    assert!(ended.success, "{}", ended.said);
    assert!(has(&registry, "widget-1.2.3.crate"), "{:?}", registry.stored());
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_token_publishes_nothing() {
    let registry = RegistryServer::verdaccio().await;
    let issuer = Issuer::start().await;
    let house = InProcess::start(&setup(&issuer, &NPM)).await;
    let broker = Arc::clone(&house.broker);
    tokio::spawn(async move { broker.keep_cut_offs_fresh().await });
    let proxy = Proxy::start(Kind::Nginx, &NPM, &house.public, registry.alone()).await;
    let job = Job::before(&proxy);
    let exchange = format!("{}-/npm/v1/oidc/token/exchange/package/@acme%2fwidget", job.url());
    let answer =
        proxy.client(&NPM).post(exchange).bearer_auth(id_token(&issuer, "npm:localhost")).send().await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    let token = answer["token"].as_str().expect("a token").to_owned();

    house.clock.advance(900);
    let ended = job.npm("@acme/widget", Some(&token), "").await;
    assert!(!ended.success && ended.said.contains("401"), "{}", ended.said);
    assert!(!has(&registry, ".tgz"));
}
