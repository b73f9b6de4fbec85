//! CircleCI: one key signs for all organizations, so what a token says of itself must agree.

use serde_json::json;
use trustmint_tests::KindCase;

const ORGANIZATION: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";
const OTHER: &str = "11111111-c7c4-4c43-9457-de07e2029e7b";

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "circleci",
        url: "https://oidc.circleci.com/org/5034460f-c7c4-4c43-9457-de07e2029e7b",
        jti: false,
        claims: json!({
            "oidc.circleci.com/context-ids": ["bd2cd9ba-ee9a-4c7c-b2ae-2c6a29e6e2b1"],
            "oidc.circleci.com/job-id": "f3a2f2a7-6a41-4c6c-9a32-51d5d0a4b1c2",
            "oidc.circleci.com/org-id": ORGANIZATION,
            "oidc.circleci.com/pipeline-definition-id": "8c0d5f10-3d5e-5a0c-8e2f-2f6f1d9b7a11",
            "oidc.circleci.com/pipeline-id": "7d3f3f9e-5a2b-4ab0-9b7a-1b3c8c3a0f55",
            "oidc.circleci.com/project-id": "c9df9ab6-4b0c-4a6b-a6a7-8a3e8b6a4a21",
            "oidc.circleci.com/ssh-rerun": false,
            "oidc.circleci.com/vcs-origin": "github.com/acme/widget",
            "oidc.circleci.com/vcs-ref": "refs/heads/main",
            "oidc.circleci.com/workflow-id": "2f9b7f53-31ec-4cf0-a1e3-c1a5c5a9ad5f",
            "sub": "org/5034460f-c7c4-4c43-9457-de07e2029e7b/project/c9df9ab6-4b0c-4a6b-a6a7-8a3e8b6a4a21/user/0f7d3c0e-8f0b-4a53-a5f5-7a9f1c5e2d10/vcs-origin/github.com/acme/widget/vcs-ref/refs/heads/main",
        }),
        pins: ["oidc.circleci.com/org-id", "oidc.circleci.com/project-id"]
            .map(|pin| (pin, json!({ pin: null })))
            .to_vec(),
        policy: vec![
            ("oidc.circleci.com/org-id", "\"5034460f-c7c4-4c43-9457-de07e2029e7b\""),
            ("oidc.circleci.com/project-id", "\"c9df9ab6-4b0c-4a6b-a6a7-8a3e8b6a4a21\""),
            ("oidc.circleci.com/context-ids", "{ contains = \"bd2cd9ba-ee9a-4c7c-b2ae-2c6a29e6e2b1\" }"),
        ],
        names: vec![("oidc.circleci.com/vcs-origin", "\"github.com/acme/widget\"")],
        strangers: &[
            "https://oidc.circleci.com",
            "https://oidc.circleci.com/org",
            "https://oidc.circleci.com/org/",
            "https://oidc.circleci.com/org/11111111-c7c4-4c43-9457-de07e2029e7b",
            "https://oidc.circleci.com/org/5034460F-C7C4-4C43-9457-DE07E2029E7B",
            "https://oidc.circleci.com/project/c9df9ab6-4b0c-4a6b-a6a7-8a3e8b6a4a21",
        ],
        malformed_urls: &[
            "https://oidc.circleci.com",
            "https://oidc.circleci.com/org",
            "https://oidc.circleci.com/org/acme",
            "https://oidc.circleci.com/org/*",
            "https://oidc.circleci.com/org/5034460f-c7c4-4c43-9457-de07e2029e7b/",
            "https://oidc.circleci.com/org/5034460F-C7C4-4C43-9457-DE07E2029E7B",
            "https://oidc.circleci.com/org/5034460f-c7c4-4c43-9457-de07e2029e7b/project",
        ],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_circleci_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    // Another organization's claims under our `iss`, and ours beside another project's.
    target.refuses(&json!({ "oidc.circleci.com/org-id": OTHER }), "invalid_claim").await;
    let recycled = [
        json!({ "oidc.circleci.com/project-id": OTHER }),
        json!({ "oidc.circleci.com/project-id": OTHER, "sub": target.case.claims["sub"] }),
        json!({ "oidc.circleci.com/project-id": "c9df9ab6-4b0c-4a6b-a6a7-8a3e8b6a4a21/user/x" }),
    ];
    target.refuses_each("no_matching_policy", recycled).await;
    let contexts = [
        json!({ "oidc.circleci.com/context-ids": [] }),
        json!({ "oidc.circleci.com/context-ids": null }),
        json!({ "oidc.circleci.com/context-ids": "bd2cd9ba-ee9a-4c7c-b2ae-2c6a29e6e2b1" }),
        json!({ "oidc.circleci.com/context-ids": [["bd2cd9ba-ee9a-4c7c-b2ae-2c6a29e6e2b1"]] }),
    ];
    target.refuses_each("claim_mismatch", contexts).await;
    let several = json!({ "oidc.circleci.com/context-ids": [OTHER, "bd2cd9ba-ee9a-4c7c-b2ae-2c6a29e6e2b1"] });
    target.accepts(&several).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn circleci_pull_request_or_ssh_rerun_never_publishes() {
    let target = case().start().await;
    for rerun in [json!(true), json!("true")] {
        target.refuses(&json!({ "oidc.circleci.com/ssh-rerun": rerun }), "dangerous_event").await;
    }
    // Not said is not "no".
    for rerun in [json!(null), json!("no"), json!([false]), json!(0)] {
        target.refuses(&json!({ "oidc.circleci.com/ssh-rerun": rerun }), "claim_mismatch").await;
    }
    let foreign = [
        "refs/pull/7/merge",
        "refs/pull/7/head",
        "refs/heads/pull/7",
        "refs/merge-requests/7/head",
        "pull/7",
    ];
    let refs = foreign.map(|name| json!({ "oidc.circleci.com/vcs-ref": name, "oidc.circleci.com/vcs-origin": "github.com/mallory/widget" }));
    target.refuses_each("dangerous_event", refs).await;
    let unreadable = [json!("main"), json!(""), json!(7), json!(["refs/heads/main"])];
    target
        .refuses_each("claim_mismatch", unreadable.map(|name| json!({ "oidc.circleci.com/vcs-ref": name })))
        .await;
    target.accepts(&json!({ "oidc.circleci.com/vcs-ref": "refs/tags/v1.2.3" })).await;
    // A pipeline of a custom webhook has neither.
    target.accepts(&json!({ "oidc.circleci.com/vcs-ref": null, "oidc.circleci.com/vcs-origin": null })).await;
}

#[test]
fn loose_files_about_circleci_are_refused() {
    case().refuses_loose_files();
}
