//! The action `policy-check` of `examples/github-actions`, run as a runner runs it.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::extract::{Path as UrlPath, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, patch};
use axum::{Json, Router};
use serde_json::{Value, json};
use trustmint_tests::Workbench;
use trustmint_tests::binary::binary;
use trustmint_tests::https::Https;

const SCRIPT: &str = "../examples/github-actions/policy-check/policy-check";
const MARKER: &str = "<!-- trustmint policy-check -->";
/// The token that may write comments.
const TOKEN: &str = "write-token";

type Comments = Arc<Mutex<Vec<Value>>>;

/// A stand-in for GitHub's API, with the comments on one pull request.
struct GitHub {
    server: Https,
    comments: Comments,
}

impl GitHub {
    /// Starts with one full page of comments by people, each of which begins with the action's marker.
    async fn start() -> Self {
        let person = |id: usize| json!({ "id": id, "user": { "type": "User" }, "body": MARKER });
        let comments: Comments = Arc::new(Mutex::new((0..100).map(person).collect()));
        let router = Router::new()
            .route("/repos/acme/policies/issues/5/comments", get(list).post(create))
            .route("/repos/acme/policies/issues/comments/{id}", patch(update))
            .with_state(Arc::clone(&comments));
        Self { server: Https::serve(router).await, comments }
    }

    /// Returns the texts of the action's comments.
    fn written(&self) -> Vec<String> {
        let comments = self.comments.lock().expect("lock");
        let own = comments.iter().filter(|comment| comment["user"]["type"] == "Bot");
        own.map(|comment| comment["body"].as_str().expect("a text").to_owned()).collect()
    }

    /// Returns the text of the action's comment, of which there is one.
    fn comment(&self) -> String {
        let written = self.written();
        assert_eq!(written.len(), 1, "{written:?}");
        written.concat()
    }
}

async fn list(
    State(comments): State<Comments>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Vec<Value>> {
    let page: usize = query["page"].parse().expect("a number");
    Json(comments.lock().expect("lock").iter().skip((page - 1) * 100).take(100).cloned().collect())
}

async fn create(State(comments): State<Comments>, headers: HeaderMap, Json(sent): Json<Value>) -> StatusCode {
    if !may_write(&headers) {
        return StatusCode::FORBIDDEN;
    }
    let mut comments = comments.lock().expect("lock");
    let id = comments.len();
    comments.push(json!({ "id": id, "user": { "type": "Bot" }, "body": sent["body"] }));
    StatusCode::CREATED
}

async fn update(
    State(comments): State<Comments>,
    UrlPath(id): UrlPath<usize>,
    headers: HeaderMap,
    Json(sent): Json<Value>,
) -> StatusCode {
    if !may_write(&headers) {
        return StatusCode::FORBIDDEN;
    }
    comments.lock().expect("lock")[id]["body"] = sent["body"].clone();
    StatusCode::OK
}

fn may_write(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value == Some("Bearer write-token")
}

/// Returns a policy with one test, of a job without a workflow file.
fn policy(id: &str, test: &str, expect: &str) -> String {
    format!(
        "[[policy]]\nid = \"{id}\"\nissuer = \"github\"\nregistry = \"pypi\"\npackages = [\"{id}\"]\n\
         actions = [\"publish\"]\n[policy.match]\nrepository_owner_id = \"1\"\nrepository_id = \"2\"\n\
         workflow_file = \"release.yml\"\n[[policy.test]]\nname = \"{test}\"\n\
         absent = [\"workflow_file\", \"workflow_ref\"]\nexpect = \"{expect}\"\n"
    )
}

/// Returns a pull request that adds this file of policies to the one of the base branch.
fn pull_request(added: &str) -> Workbench {
    let bench = Workbench::default();
    for file in ["base/policies/old.toml", "policies/old.toml"] {
        bench.file(file, &policy("old", "needs its workflow", "deny"));
    }
    bench.file("policies/new.toml", added);
    bench
}

/// Runs the action's script.
async fn act(bench: &Workbench, github: &GitHub, token: &str) -> Output {
    bench.file("github-ca.pem", &github.server.ca);
    let binary = std::fs::canonicalize(binary()).expect("the binary under test");
    let programs = binary.parent().expect("a folder").display();
    let path = format!("{programs}:{}", std::env::var("PATH").expect("a path"));
    let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT));
    script
        .env("PATH", path)
        .env("CURL_CA_BUNDLE", bench.path().join("github-ca.pem"))
        .env("CONFIG", "trustmint.toml")
        .env("POLICIES", "policies")
        .env("BASE", "base/policies")
        .env("GITHUB_TOKEN", token)
        .env("GITHUB_API_URL", &github.server.url)
        .env("GITHUB_REPOSITORY", "acme/policies")
        .env("GITHUB_RUN_ID", "7")
        .env("GITHUB_STEP_SUMMARY", "summary")
        .env("PULL_REQUEST", "5")
        .env_remove("CLAIMS")
        .env_remove("DENY_WARNINGS")
        .current_dir(bench.path());
    // The API answers from this very process.
    tokio::task::spawn_blocking(move || script.output().expect("the script")).await.expect("it ended")
}

/// Returns what the script printed that the runner obeys: workflow commands outside of `stop-commands`.
fn workflow_commands(output: &Output) -> Vec<String> {
    let printed = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let (mut commands, mut end) = (Vec::new(), None);
    for line in printed.lines() {
        if let Some(mark) = &end {
            if line == mark {
                end = None;
            }
        } else if let Some(token) = line.strip_prefix("::stop-commands::") {
            end = Some(format!("::{token}::"));
        } else if line.trim_start().starts_with("::") {
            commands.push(line.to_owned());
        }
    }
    assert_eq!(end, None, "commands stay stopped: {printed}");
    commands
}

#[tokio::test(flavor = "multi_thread")]
async fn action_comments_once_and_updates_its_comment() {
    let github = GitHub::start().await;
    let bench = pull_request(&policy("new", "::error::forged $(touch injected) `touch injected`", "deny"));
    let output = act(&bench, &github, TOKEN).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let comment = github.comment();
    assert!(comment.starts_with(MARKER) && comment.contains("- added `new`"), "{comment}");
    assert!(!comment.contains("old"), "{comment}");
    assert_eq!(workflow_commands(&output), Vec::<String>::new(), "{output:?}");
    assert!(!bench.path().join("injected").exists(), "the text of a policy is no command");

    bench.file("policies/new.toml", "");
    let output = act(&bench, &github, TOKEN).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let comment = github.comment();
    assert!(!comment.contains("new"), "{comment}");
}

#[tokio::test(flavor = "multi_thread")]
async fn action_is_silent_when_nothing_differs() {
    let github = GitHub::start().await;
    let output = act(&pull_request(""), &github, TOKEN).await;
    assert_eq!((output.status.code(), github.written().len()), (Some(0), 0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn action_fails_when_a_policy_fails() {
    for (added, failed, annotation) in [
        (policy("new", "everyone", "allow"), "policy test", ""),
        (
            "unknown = 1\n".to_owned(),
            "policy check, policy test, policy diff",
            "::error file=policies/new.toml,",
        ),
    ] {
        let github = GitHub::start().await;
        let output = act(&pull_request(&added), &github, TOKEN).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let comment = github.comment();
        assert!(comment.contains(&format!("**Failed:** {failed}.")), "{comment}");
        let annotations = workflow_commands(&output).join("\n");
        assert!(annotations.contains(annotation), "{annotations}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn action_passes_when_only_the_base_branch_is_broken() {
    let github = GitHub::start().await;
    let bench = pull_request(&policy("new", "needs its workflow", "deny"));
    bench.file("base/policies/old.toml", "unknown = 1\n");
    let output = act(&bench, &github, TOKEN).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(github.comment().contains("nothing to compare with"), "{}", github.comment());
}

#[tokio::test(flavor = "multi_thread")]
async fn action_without_permission_writes_the_summary_only() {
    let github = GitHub::start().await;
    let bench = pull_request(&policy("new", "needs its workflow", "deny"));
    let output = act(&bench, &github, "read-token").await;
    assert_eq!((output.status.code(), github.written().len()), (Some(0), 0), "{output:?}");
    assert!(workflow_commands(&output)[0].starts_with("::warning::the comment"), "{output:?}");
    let summary = std::fs::read_to_string(bench.path().join("summary")).expect("the summary");
    assert!(summary.contains("- added `new`"), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn action_shortens_a_long_comment_by_whole_lines() {
    let github = GitHub::start().await;
    let many = (0..2000).map(|number| {
        let unique = policy(&format!("new-{number}"), "needs its workflow", "deny");
        unique.replace("repository_id = \"2\"", &format!("repository_id = \"{}\"", number + 3))
    });
    let output = act(&pull_request(&many.collect::<String>()), &github, TOKEN).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let comment = github.comment();
    assert!(comment.len() < 65_536, "GitHub refuses {} bytes", comment.len());
    let lines: Vec<_> = comment.lines().filter(|line| line.starts_with("- ")).collect();
    assert!(lines.len() > 1000 && lines.iter().all(|line| line.ends_with("`)")), "{:?}", lines.last());
}
