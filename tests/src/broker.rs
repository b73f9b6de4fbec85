//! The real binary, started as an operator starts it.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use crate::binary::binary;
pub use crate::setup::{ADMIN_TOKEN, AUDIENCE, CLIENT, ID_TOKEN, POLICY, PUBLIC_URL, Setup, TOKEN_EXCHANGE};

/// A running broker; it is killed when dropped.
pub struct BrokerProcess {
    /// `http://…` of the public listener.
    pub public: String,
    /// `http://…` of the ops listener.
    pub ops: String,
    /// `http://…` of the admin listener.
    pub admin: String,
    /// Its folder, which outlives a restart.
    pub folder: Arc<TempDir>,
    child: Child,
    log: Arc<Mutex<String>>,
    log_level: String,
    http: reqwest::Client,
}

/// An answer: status, headers, body.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// `reason` of an error.
    pub fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap_or("(none)").to_owned()
    }

    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The registry token of a successful exchange.
    pub fn token(&self) -> String {
        let json = self.json();
        let token = json["access_token"].as_str().or(json["token"].as_str());
        token.unwrap_or_else(|| panic!("no token in {} {}", self.status, self.text)).to_owned()
    }
}

impl BrokerProcess {
    /// Starts the binary in a folder with a `trustmint.toml`, and waits until its listeners are open.
    pub async fn launch(folder: Arc<TempDir>, log_level: String) -> Self {
        Self::launch_with(Command::new(binary()), folder, log_level).await
    }

    /// The same, where a file that must not grow is an error of each write and no signal that ends the
    /// process.
    pub async fn launch_with_file_size_errors(folder: Arc<TempDir>, log_level: String) -> Self {
        let mut command = Command::new("env");
        command.arg("--ignore-signal=XFSZ").arg(binary());
        Self::launch_with(command, folder, log_level).await
    }

    async fn launch_with(mut command: Command, folder: Arc<TempDir>, log_level: String) -> Self {
        let mut child = command
            .args(["serve", "--config", "trustmint.toml"])
            .current_dir(folder.path())
            .env("TRUSTMINT_LOG_FORMAT", "json")
            .env("TRUSTMINT_LOG", std::env::var("TRUSTMINT_TEST_LOG").unwrap_or_else(|_| log_level.clone()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary under test");
        let (log, doors) = follow(child.stderr.take().expect("stderr"));
        let mut found = std::collections::HashMap::new();
        // The admin listener is the last to be announced.
        while !found.contains_key("admin") {
            let Ok((door, address)) = doors.recv_timeout(Duration::from_secs(20)) else {
                let _ = child.kill();
                panic!("the broker did not start:\n{}", log.lock().expect("lock"));
            };
            found.insert(door, format!("http://{address}"));
        }
        let mut door = |name: &str| found.remove(name).expect("announced");
        Self {
            public: door("public"),
            ops: door("ops"),
            admin: door("admin"),
            folder,
            child,
            log,
            log_level,
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("client"),
        }
    }

    /// `kill -9`, and a start on what is left.
    pub async fn crash_and_restart(mut self) -> Self {
        self.kill();
        Self::launch(Arc::clone(&self.folder), self.log_level.clone()).await
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Sends a signal by name, such as `TERM` or `STOP`.
    pub fn signal(&self, name: &str) {
        crate::signal(self.child.id(), name);
    }

    /// Lets no file of the process be written to beyond this many bytes (`RLIMIT_FSIZE`).
    pub fn limit_file_size(&self, bytes: u64) {
        let arguments = ["--pid", &self.pid().to_string(), &format!("--fsize={bytes}:")];
        assert!(Command::new("prlimit").args(arguments).status().expect("prlimit").success());
    }

    /// Waits for the process to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().expect("child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the broker does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops it as an orchestrator does, and starts it again on the same folder.
    pub async fn restart(mut self) -> Self {
        self.signal("TERM");
        assert!(self.ended().await.success(), "{}", self.log());
        Self::launch(Arc::clone(&self.folder), self.log_level.clone()).await
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory it had resident so far, in kB.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("its status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        peak.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("lock").clone()
    }

    /// The events so far.
    pub fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// The HTTP client of the tests.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request and reads the answer whole.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        self.try_send(request).await.expect("an answer")
    }

    /// The same, where the broker may die in the middle.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Reply { status, headers, text: response.text().await? })
    }

    /// GET at the public listener.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.http.get(format!("{}{path}", self.public))).await
    }

    /// POST of a form at the public listener.
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.send(self.http.post(format!("{}{path}", self.public)).form(form)).await
    }

    /// POST of JSON at the public listener.
    pub async fn post_json(&self, path: &str, body: &Value) -> Reply {
        self.send(self.http.post(format!("{}{path}", self.public)).json(body)).await
    }

    /// The request of a native exchange.
    pub fn exchange_request(&self, id_token: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/oauth/token", self.public)).form(&[
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token_type", ID_TOKEN),
            ("subject_token", id_token),
        ])
    }

    /// A native exchange.
    pub async fn exchange(&self, id_token: &str) -> Reply {
        self.send(self.exchange_request(id_token)).await
    }

    /// Introspection by the registry's client.
    pub async fn introspect(&self, token: &str) -> Reply {
        let request = self.http.post(format!("{}/oauth/introspect", self.public));
        self.send(request.basic_auth(CLIENT.0, Some(CLIENT.1)).form(&[("token", token)])).await
    }

    /// Whether a token is active.
    pub async fn is_active(&self, token: &str) -> bool {
        let reply = self.introspect(token).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        reply.json()["active"].as_bool().expect("active")
    }

    /// RFC 7009.
    pub async fn revoke(&self, token: &str) -> Reply {
        self.post_form("/oauth/revoke", &[("token", token)]).await
    }

    /// POST at the admin listener.
    pub async fn admin(&self, path: &str, body: &Value) -> Reply {
        self.send(self.http.post(format!("{}{path}", self.admin)).bearer_auth(ADMIN_TOKEN).json(body)).await
    }

    /// The value of a metric with these labels (in the order in which they are written); 0 if it is not there.
    pub async fn metric(&self, series: &str) -> u64 {
        let text = self.send(self.http.get(format!("{}/metrics", self.ops))).await.text;
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok()).unwrap_or(0)
    }

    /// How many signatures of the issuer `github` were checked.
    pub async fn signature_checks(&self) -> u64 {
        self.metric("trustmint_signature_checks_total{issuer=\"github\"}").await
    }

    /// Waits until a condition holds, polling it; fails after ten seconds.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, condition: impl FnMut() -> F) {
        self.until_within(Duration::from_secs(10), what, condition).await;
    }

    /// The same, for as long as this.
    pub async fn until_within<F: Future<Output = bool>>(
        &self,
        patience: Duration,
        what: &str,
        mut condition: impl FnMut() -> F,
    ) {
        let deadline = Instant::now() + patience;
        while !condition().await {
            assert!(Instant::now() < deadline, "never: {what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the binary to its end: exit code, standard output, standard error.
pub fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(binary())
        .args(arguments)
        .current_dir(folder)
        .env_remove("TRUSTMINT_CONFIG")
        .stdin(Stdio::null())
        .output()
        .expect("the binary under test");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

/// Collects the log, and passes on where each listener listens.
fn follow(
    stderr: std::process::ChildStderr,
) -> (Arc<Mutex<String>>, std::sync::mpsc::Receiver<(String, String)>) {
    use std::io::BufRead as _;
    let log = Arc::new(Mutex::new(String::new()));
    let (announce, doors) = std::sync::mpsc::channel();
    let lines = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in std::io::BufReader::new(stderr).lines().map_while(Result::ok) {
            let event: Value = serde_json::from_str(&line).unwrap_or(json!({}));
            if let (Some(name), Some(address)) = (event["listener"].as_str(), event["address"].as_str()) {
                let _ = announce.send((name.to_owned(), address.to_owned()));
            }
            let mut log = lines.lock().expect("lock");
            log.push_str(&line);
            log.push('\n');
        }
    });
    (log, doors)
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256_hex(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Header maps for odd requests.
pub fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("header")))
        .collect()
}
