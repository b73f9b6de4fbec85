//! Buildkite: the ids that a job must ask for decide, slugs never do.

use serde_json::json;
use trustmint_tests::KindCase;

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "buildkite",
        url: "https://agent.buildkite.com",
        claims: json!({
            "agent_id": "0184990a-4782-42b5-afc1-16715b10b8ff",
            "build_branch": "main",
            "build_commit": "9f3182061f1e2cca4702c368cbc039b7dc9d4485",
            "build_number": 17,
            "build_source": "webhook",
            "build_tag": null,
            "cluster_id": "0184990a-1111-42b5-afc1-16715b10b8ff",
            "job_id": "0184990a-477b-4fa8-9968-496074483cee",
            "organization_id": "0184990a-477b-4fa8-9968-496074483a77",
            "organization_slug": "acme-inc",
            "pipeline_id": "0184990a-4782-42b5-afc1-16715b10b110",
            "pipeline_slug": "super-duper-app",
            "runner_environment": "self-hosted",
            "step_key": null,
            "sub": "organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main:commit:9f31820:step:",
        }),
        pins: vec![
            ("organization_id", json!({ "organization_id": null })),
            ("pipeline_id", json!({ "pipeline_id": null })),
        ],
        policy: vec![
            ("organization_id", "\"0184990a-477b-4fa8-9968-496074483a77\""),
            ("pipeline_id", "\"0184990a-4782-42b5-afc1-16715b10b110\""),
            ("build_branch", "\"main\""),
        ],
        names: vec![("organization_slug", "\"acme-inc\""), ("pipeline_slug", "\"super-duper-app\"")],
        strangers: &[
            "https://buildkite.com",
            "https://buildkite.com/acme-inc",
            "https://agent.buildkite.com/acme-inc",
        ],
        malformed_urls: &["https://agent.buildkite.com/", "https://agent.buildkite.com/acme-inc"],
        ..KindCase::default()
    }
}

/// A policy that leaves the branch to the default rules.
fn any_branch() -> KindCase {
    KindCase { policy: case().policy[..2].to_vec(), ..case() }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_buildkite_are_refused() {
    let target = any_branch().start().await;
    target.refuses_the_usual().await;
    // The slugs were freed and taken by others.
    let recycled = [
        json!({ "organization_id": "0184990a-0000-4fa8-9968-496074483a77" }),
        json!({ "pipeline_id": "0184990a-0000-42b5-afc1-16715b10b110" }),
        // A step's key is free text, and the end of `sub`.
        json!({ "pipeline_id": "x", "step_key": "a:pipeline:0184990a-4782-42b5-afc1-16715b10b110" }),
        // `--subject-claim pipeline_id`
        json!({ "pipeline_id": "x", "sub": "0184990a-4782-42b5-afc1-16715b10b110" }),
    ];
    target.refuses_each("no_matching_policy", recycled).await;
    let dangerous = ["mallory:main", "mallory:refs/heads/main", ":main", "pull/7/head", "refs/pull/7/merge"];
    target.refuses_each("dangerous_event", dangerous.map(|branch| json!({ "build_branch": branch }))).await;
    let unreadable =
        [json!({ "build_branch": null }), json!({ "build_branch": "" }), json!({ "build_branch": ["main"] })];
    target.refuses_each("claim_mismatch", unreadable).await;
    target.accepts(&json!({ "build_branch": "feature/x", "build_tag": "v1", "step_key": "publish" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buildkite_missing_ids_error_says_how_to_request_them() {
    let target = case().start().await;
    let token = target.case.token(&json!({ "organization_id": null, "pipeline_id": null }));
    let reply = target.broker.exchange(&token).await;
    assert_eq!(reply.reason(), "missing_claim", "{}", reply.text);
    assert!(reply.text.contains("--claim organization_id --claim pipeline_id"), "{}", reply.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn buildkite_long_token_is_accepted_for_ten_minutes() {
    let target = case().start().await;
    let now = trustmint_tests::now();
    target.refuses(&json!({ "iat": now - 640, "nbf": now - 640, "exp": now + 80_000 }), "too_old").await;
}

#[test]
fn loose_files_about_buildkite_are_refused() {
    case().refuses_loose_files();
}
