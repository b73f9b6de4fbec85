//! `oauth2-mock-server` of npm: an issuer that no one here wrote, over https, as its own command line
//! starts it.

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::keys::Key;
use crate::programs::tool;
use crate::tls::Certificate;

/// A running issuer; it is killed when dropped.
pub struct Oauth2Mock {
    /// `iss`.
    pub url: String,
    /// Its authority's certificate, in PEM.
    pub ca: String,
    folder: tempfile::TempDir,
    child: Child,
    http: reqwest::Client,
}

impl Oauth2Mock {
    /// Starts one that signs with these keys in turn.
    pub fn start(keys: &[&Key]) -> Self {
        let certificate = Certificate::for_loopback();
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("tls.crt"), &certificate.chain).expect("file");
        std::fs::write(folder.path().join("tls.key"), &certificate.key).expect("file");
        let (child, url) = launch(folder.path(), "0", keys);
        let authority = reqwest::Certificate::from_pem(certificate.ca.as_bytes()).expect("PEM");
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().expect("client");
        Self { url, ca: certificate.ca, folder, child, http }
    }

    /// Starts it again, under the same URL, with these keys.
    pub fn rotate(&mut self, keys: &[&Key]) {
        self.stop();
        let (_, port) = self.url.rsplit_once(':').expect("a port");
        let (child, url) = launch(self.folder.path(), port, keys);
        self.child = child;
        assert_eq!(url, self.url);
    }

    /// What its token endpoint answers to a request.
    pub async fn token(&self, form: &[(&str, &str)]) -> Value {
        let request = self.http.post(format!("{}/token", self.url)).form(form);
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Oauth2Mock {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the command, and waits until it says who it is.
fn launch(folder: &Path, port: &str, keys: &[&Key]) -> (Child, String) {
    let mut arguments = vec!["-a", "127.0.0.1", "-p", port, "-c", "tls.crt", "-k", "tls.key"];
    let files: Vec<_> = keys.iter().map(|key| write(folder, key)).collect();
    for file in &files {
        arguments.extend(["--jwk", file]);
    }
    let mut child = Command::new(tool("oauth2-mock-server"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("oauth2-mock-server");
    let mut said = std::io::BufReader::new(child.stdout.take().expect("stdout")).lines();
    let url = said.find_map(|line| line.ok()?.strip_prefix("OAuth 2 issuer is ").map(str::to_owned));
    (child, url.expect("the issuer's URL"))
}

/// Writes a private key where the command can read it; returns the file's name.
fn write(folder: &Path, key: &Key) -> String {
    let mut private = serde_json::to_value(key.jwk.as_ref()).expect("JSON");
    private["kid"] = key.kid.clone().into();
    private["alg"] = key.alg.clone().into();
    let name = format!("{}.json", key.kid);
    std::fs::write(folder.join(&name), private.to_string()).expect("file");
    name
}
