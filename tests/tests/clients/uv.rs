//! A stock `uv publish --trusted-publishing always`, over TLS through nginx, as in a CI job.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::claims::{now, unique};
use trustmint_tests::nginx::Nginx;
use trustmint_tests::programs::{program, tool};
use trustmint_tests::uploads::Uploads;
use trustmint_tests::{BrokerProcess, Issuer, Setup, github};

const GITLAB_POLICY: &str = r#"
[[policy]]
id       = "widget-from-gitlab"
issuer   = "gitlab"
registry = "pypi"
packages = ["widget", "Widget.Extras"]
actions  = ["publish"]

[policy.match]
namespace_id = "72"
project_id   = "20"
ref_path     = { glob = "refs/tags/v*" }
"#;

/// A job's machine: broker, upload server, and nginx with TLS before both.
struct Stage {
    issuer: Issuer,
    broker: BrokerProcess,
    uploads: Uploads,
    nginx: Nginx,
    folder: tempfile::TempDir,
}

/// What uv said, and how it ended.
struct Ended {
    success: bool,
    said: String,
}

impl Stage {
    async fn new(setup: impl FnOnce(Setup, &Issuer) -> Setup) -> Self {
        let issuer = Issuer::start().await;
        let mut with = setup(Setup::new(&issuer), &issuer);
        with.registries =
            with.registries.replace("kind = \"pypi\"\n", "kind = \"pypi\"\nhosts = [\"localhost\"]\n");
        let broker = with.start().await;
        let uploads = Uploads::asking(&broker.public).await;
        let nginx = Nginx::before(&broker.public, &uploads.url);
        let folder = tempfile::tempdir().expect("folder");
        Self { issuer, broker, uploads, nginx, folder }
    }

    async fn gitlab() -> Self {
        Self::new(|mut setup, _| {
            setup.issuers = setup
                .issuers
                .replace("[issuers.github]\nkind = \"github\"", "[issuers.gitlab]\nkind = \"gitlab\"");
            setup.policies(GITLAB_POLICY)
        })
        .await
    }

    /// A real wheel of this name.
    fn wheel(&self, name: &str) -> PathBuf {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wheel.py");
        let output = program("python3")
            .arg(script)
            .arg(self.folder.path())
            .args([name, "1.2.3"])
            .output()
            .expect("python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
    }

    /// `uv publish`, where nothing of this machine matters but the environment that is given.
    async fn uv_publish(&self, wheel: &Path, job: &[(&str, &str)]) -> Ended {
        let authorities = self.folder.path().join("authorities.pem");
        std::fs::write(&authorities, format!("{}{}", self.nginx.ca, self.issuer.ca)).expect("file");
        let output = tokio::process::Command::new(tool("uv"))
            .args(["publish", "--trusted-publishing", "always", "--publish-url"])
            .arg(format!("{}/legacy/", self.nginx.url))
            .arg(wheel)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("UV_NO_CONFIG", "1")
            .env("UV_CACHE_DIR", self.folder.path().join("cache"))
            .env("UV_KEYRING_PROVIDER", "disabled")
            .env("SSL_CERT_FILE", &authorities)
            .env("NO_PROXY", "*")
            .envs(job.iter().copied())
            .kill_on_drop(true)
            .output()
            .await
            .expect("uv");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ended { success: output.status.success(), said }
    }

    /// As GitLab CI runs a job whose `id_tokens` has this audience.
    async fn in_gitlab(&self, wheel: &Path, claims: &Value) -> Ended {
        let token = self.issuer.sign(claims);
        let job = [("CI", "true"), ("GITLAB_CI", "true"), ("PYPI_EXAMPLE_COM_ID_TOKEN", token.as_str())];
        self.uv_publish(wheel, &job).await
    }

    /// As GitHub Actions runs a job with `id-token: write`.
    async fn in_github(&self, wheel: &Path, claims: Value) -> Ended {
        self.issuer.serve_ambient(claims);
        let url = format!("{}/token?api-version=2.0", self.issuer.url);
        let job = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token"),
        ];
        self.uv_publish(wheel, &job).await
    }

    /// The only upload so far: name, status, and whether the file came whole.
    fn only_upload(&self, wheel: &Path) -> (String, u16, String) {
        let seen = self.uploads.seen();
        let [upload] = seen.as_slice() else { panic!("{} uploads", seen.len()) };
        assert!(upload.content == std::fs::read(wheel).expect("wheel"), "the wheel came changed");
        (upload.name.clone(), upload.status.as_u16(), upload.token.clone())
    }

    /// The burn call of newer clients, by hand for those that do not send it.
    async fn burn(&self, token: &str) {
        let authority = reqwest::Certificate::from_pem(self.nginx.ca.as_bytes()).expect("PEM");
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().expect("client");
        let request = http.post(format!("{}/_/oidc/burn-token", self.nginx.url));
        let answer = request.json(&json!({ "token": token })).send().await.expect("an answer");
        assert_eq!(answer.status(), 202);
    }
}

/// What a tag pipeline of `acme/widget` gets from GitLab.
fn gitlab(issuer: &str) -> Value {
    let (now, unique) = (now(), unique());
    json!({
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "project_path:acme/widget:ref_type:tag:ref:v1.2.3",
        "jti": format!("gitlab-{}-{unique}", std::process::id()),
        "iat": now + 2,
        "nbf": now - 5,
        "exp": now + 3600,
        "namespace_id": "72",
        "namespace_path": "acme",
        "project_id": "20",
        "project_path": "acme/widget",
        "user_login": "octocat",
        "pipeline_id": format!("{}", 574_000 + unique),
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "v1.2.3",
        "ref_type": "tag",
        "ref_path": "refs/tags/v1.2.3",
        "ref_protected": "true",
        "runner_environment": "gitlab-hosted",
        "ci_config_ref_uri": "127.0.0.1/acme/widget//.gitlab-ci.yml@refs/tags/v1.2.3",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn uv_publishes_from_a_gitlab_job_and_burns_the_token() {
    let stage = Stage::gitlab().await;
    let wheel = stage.wheel("Widget_Extras");
    let ended = stage.in_gitlab(&wheel, &gitlab(&stage.issuer.url)).await;
    assert!(ended.success, "{}", ended.said);

    let (name, status, token) = stage.only_upload(&wheel);
    assert_eq!((name.to_lowercase().replace('_', "-").as_str(), status), ("widget-extras", 200));
    assert!(token.starts_with("exm_pypi_"));

    stage.burn(&token).await;
    assert!(!stage.broker.is_active(&token).await);
    // One mint and one burn that killed something, whether it was uv's own or the one above.
    stage.broker.until("both are recorded", async || stage.broker.audit().len() >= 2).await;
    let audit = stage.broker.audit();
    let outcomes: Vec<_> = audit.iter().map(|event| (&event["outcome"], &event["subject"])).collect();
    let job = json!("gitlab|72|20");
    assert_eq!(outcomes, [(&json!("minted"), &job), (&json!("revoked"), &job)]);
    assert!(audit.iter().all(|event| event["dialect"] == "pypi"), "{audit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uv_publishes_from_a_github_job_and_burns_the_token() {
    let stage = Stage::new(|setup, _| setup).await;
    let wheel = stage.wheel("widget");
    let ended = stage.in_github(&wheel, github(&stage.issuer.url, AUDIENCE)).await;
    assert!(ended.success, "{}", ended.said);

    let (name, status, token) = stage.only_upload(&wheel);
    assert_eq!((name.as_str(), status), ("widget", 200));
    stage.burn(&token).await;
    assert!(!stage.broker.is_active(&token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn uv_cannot_upload_a_wheel_outside_the_scope() {
    let stage = Stage::gitlab().await;
    let wheel = stage.wheel("gadget");
    let ended = stage.in_gitlab(&wheel, &gitlab(&stage.issuer.url)).await;
    assert!(!ended.success, "{}", ended.said);

    let (name, status, token) = stage.only_upload(&wheel);
    assert_eq!((name.as_str(), status), ("gadget", 403), "{}", ended.said);
    stage.burn(&token).await;
    assert!(!stage.broker.is_active(&token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn uv_shows_the_reason_of_a_denial() {
    let stage = Stage::gitlab().await;
    let wheel = stage.wheel("widget");
    let mut claims = gitlab(&stage.issuer.url);
    claims["ref_path"] = "refs/heads/main".into();
    let ended = stage.in_gitlab(&wheel, &claims).await;
    assert!(!ended.success);
    for words in ["422", "claim_mismatch", "ref_path", "refs/heads/main", "refs/tags/v*"] {
        assert!(ended.said.contains(words), "{words} is not in:\n{}", ended.said);
    }
    assert!(stage.uploads.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn replayed_id_token_publishes_nothing() {
    let stage = Stage::gitlab().await;
    let wheel = stage.wheel("widget");
    let claims = gitlab(&stage.issuer.url);
    assert!(stage.in_gitlab(&wheel, &claims).await.success);
    let again = stage.in_gitlab(&wheel, &claims).await;
    assert!(!again.success && again.said.contains("replayed"), "{}", again.said);
    assert_eq!(stage.uploads.seen().len(), 1);
}
