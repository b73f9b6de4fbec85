//! Semaphore: the project's UUID decides, which the token says twice.

use serde_json::json;
use trustmint_tests::KindCase;

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "semaphore",
        url: "https://acme.semaphoreci.com",
        // A job cannot choose another.
        audience: "https://acme.semaphoreci.com",
        registry_audiences: &["https://acme.semaphoreci.com"],
        claims: json!({
            "branch": "main",
            "job_id": "c117e453-1189-4eaf-b03a-dd6538eb49b2",
            "job_type": "pipeline_job",
            "org": "acme",
            "org_id": "d7dd33ad-9317-498c-9cc6-51c250749be7",
            "ppl_id": "1e1fcfb5-09c0-487e-b051-2d0b5514c42b",
            "prj": "widget",
            "prj_id": "936a5312-a3b8-4921-8b3f-2cec8baac574",
            "ref": "refs/tags/v1.2.3",
            "ref_type": "tag",
            "repo": "widget",
            "repo_slug": "acme/widget",
            "sub": "org:acme:project:936a5312-a3b8-4921-8b3f-2cec8baac574:repo:widget:ref_type:tag:ref:refs/tags/v1.2.3",
            "sub127": "acme:widget:tag:refs/tags/v1.2.3",
            "tag": "v1.2.3",
            "trg": "h:f-i:f",
            "wf_id": "1be81412-6ab8-4fc0-9d0d-7af33335a6ec",
        }),
        pins: vec![("project_id", json!({ "prj_id": null }))],
        policy: vec![("project_id", "\"936a5312-a3b8-4921-8b3f-2cec8baac574\""), ("ref_type", "\"tag\"")],
        names: vec![("org", "\"acme\""), ("prj", "\"widget\""), ("repo_slug", "\"acme/widget\"")],
        strangers: &[
            "https://evil.semaphoreci.com",
            "https://semaphoreci.com",
            "https://semaphoreci.com/acme",
            "https://me.semaphoreci.com",
        ],
        malformed_urls: &[
            "https://acme.semaphoreci.com/",
            "https://acme.semaphoreci.com/widget",
            "https://x.acme.semaphoreci.com",
            "https://*.semaphoreci.com",
        ],
        ..KindCase::default()
    }
}

/// A policy that leaves the kind of ref to the default rules.
fn any_ref() -> KindCase {
    KindCase { policy: case().policy[..1].to_vec(), ..case() }
}

/// `sub` with this project and kind of ref.
fn sub(project: &str, ref_type: &str) -> String {
    format!("org:acme:project:{project}:repo:widget:ref_type:{ref_type}:ref:refs/heads/main")
}

const PROJECT: &str = "936a5312-a3b8-4921-8b3f-2cec8baac574";
const OTHER: &str = "11111111-a3b8-4921-8b3f-2cec8baac574";

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_semaphore_are_refused() {
    let target = any_ref().start().await;
    target.refuses_the_usual().await;
    // The name was freed and taken: another project.
    target.refuses(&json!({ "prj_id": OTHER, "sub": sub(OTHER, "branch") }), "no_matching_policy").await;
    // What is said twice is the same both times.
    let contradictions = [
        json!({ "prj_id": OTHER }),
        json!({ "sub": sub(OTHER, "tag") }),
        json!({ "sub": "org:acme:project:" }),
        json!({ "prj_id": null, "project_id": OTHER }),
    ];
    target.refuses_each("invalid_claim", contradictions).await;
    target.refuses(&json!({ "project_id": OTHER }), "missing_claim").await;
    // A repository whose name poses as a project.
    let posing = format!("org:acme:project:{OTHER}:repo:x:project:{PROJECT}:ref_type:tag:ref:x");
    target.refuses(&json!({ "sub": posing }), "invalid_claim").await;
    target.accepts(&json!({ "prj_id": null, "project_id": PROJECT })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn semaphore_pull_request_or_debug_job_never_publishes() {
    let target = any_ref().start().await;
    let pull_requests = [
        json!({ "ref_type": "pull-request", "pr": "7", "pr_branch": "x", "ref": "refs/pull/7/head" }),
        json!({ "ref_type": "pull-request", "sub": sub(PROJECT, "pr") }),
        json!({ "sub": sub(PROJECT, "pull-request") }),
        json!({ "ref_type": null, "sub": sub(PROJECT, "pr") }),
        json!({ "job_type": "debug_job" }),
        json!({ "job_type": "project_debug_job" }),
    ];
    target.refuses_each("dangerous_event", pull_requests).await;
    let unknown = [
        json!({ "ref_type": "fork" }),
        json!({ "ref_type": ["tag"] }),
        json!({ "ref_type": null, "sub": "x" }),
        json!({ "job_type": "other_job" }),
        json!({ "job_type": ["pipeline_job"] }),
    ];
    target.refuses_each("claim_mismatch", unknown).await;
    target.accepts(&json!({ "ref_type": "branch", "sub": sub(PROJECT, "branch") })).await;
    target.accepts(&json!({ "ref_type": null })).await;
    target.accepts(&json!({ "job_type": null })).await;
}

#[test]
fn loose_files_about_semaphore_are_refused() {
    case().refuses_loose_files();
}
