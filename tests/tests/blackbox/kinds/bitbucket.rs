//! Bitbucket Pipelines: UUIDs in literal braces decide; a workspace's slug is in `iss` only.

use serde_json::{Value, json};
use trustmint_tests::KindCase;

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "bitbucket",
        url: "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        jti: false,
        claims: json!({
            "accountUuid": "{6d1d4b1e-4c0d-4f6c-9d8b-1a3a5f7b9c21}",
            "branchName": "main",
            "deploymentEnvironmentUuid": "{b7b8b4f2-3c2c-4f5f-8a1b-7c0d9e8f1a23}",
            "pipelineUuid": "{0a9d3e77-1f0c-4c39-8a4d-6c9b2d3e4f50}",
            "repositoryUuid": "{f3a1c2d4-5b6e-4a7f-8c9d-0e1f2a3b4c5d}",
            "stepUuid": "{9c8b7a65-4321-4fed-9cba-876543210fed}",
            "sub": "{f3a1c2d4-5b6e-4a7f-8c9d-0e1f2a3b4c5d}:{b7b8b4f2-3c2c-4f5f-8a1b-7c0d9e8f1a23}:{9c8b7a65-4321-4fed-9cba-876543210fed}",
            "workspaceUuid": "{2e4f6a8b-0c1d-4e2f-9a3b-4c5d6e7f8091}",
        }),
        pins: ["workspaceUuid", "repositoryUuid"].map(|pin| (pin, json!({ pin: null }))).to_vec(),
        policy: vec![
            ("workspaceUuid", "\"{2e4f6a8b-0c1d-4e2f-9a3b-4c5d6e7f8091}\""),
            ("repositoryUuid", "\"{f3a1c2d4-5b6e-4a7f-8c9d-0e1f2a3b4c5d}\""),
            ("deploymentEnvironmentUuid", "\"{b7b8b4f2-3c2c-4f5f-8a1b-7c0d9e8f1a23}\""),
        ],
        names: vec![("branchName", "\"main\"")],
        strangers: &[
            "https://api.bitbucket.org",
            "https://api.bitbucket.org/2.0/workspaces/evil/pipelines-config/identity/oidc",
            "https://api.bitbucket.org/2.0/workspaces/ACME/pipelines-config/identity/oidc",
            "https://api.bitbucket.org/2.0/workspaces/acme/evil/pipelines-config/identity/oidc",
            "https://api.bitbucket.org/2.0/workspaces/evil/../acme/pipelines-config/identity/oidc",
        ],
        malformed_urls: &[
            "https://api.bitbucket.org",
            "https://api.bitbucket.org/2.0/workspaces/acme",
            "https://api.bitbucket.org/2.0/workspaces//pipelines-config/identity/oidc",
            "https://api.bitbucket.org/2.0/workspaces/*/pipelines-config/identity/oidc",
            "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc/",
            "https://api.bitbucket.org/2.0/workspaces/acme/widget/pipelines-config/identity/oidc",
        ],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_bitbucket_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    let recycled = [
        // The slug was freed and taken: the same `iss`, another workspace.
        json!({ "workspaceUuid": "{11111111-0c1d-4e2f-9a3b-4c5d6e7f8091}" }),
        json!({ "repositoryUuid": "{11111111-5b6e-4a7f-8c9d-0e1f2a3b4c5d}" }),
        json!({ "repositoryUuid": "f3a1c2d4-5b6e-4a7f-8c9d-0e1f2a3b4c5d" }),
        json!({ "repositoryUuid": "{F3A1C2D4-5B6E-4A7F-8C9D-0E1F2A3B4C5D}" }),
    ];
    target.refuses_each("no_matching_policy", recycled).await;
    let elsewhere =
        [json!({ "deploymentEnvironmentUuid": null }), json!({ "deploymentEnvironmentUuid": "{}" })];
    target.refuses_each("claim_mismatch", elsewhere).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bitbucket_audience_must_be_single() {
    let target = case().start().await;
    target.accepts(&json!({ "aud": ["pypi.example.com"] })).await;
    for aud in [
        json!(["pypi.example.com", "https://other.example.com"]),
        json!(["https://other.example.com", "pypi.example.com"]),
        json!(["ari:cloud:bitbucket::workspace/2e4f6a8b-0c1d-4e2f-9a3b-4c5d6e7f8091"]),
        json!([]),
    ] {
        target.refuses(&json!({ "aud": aud }), "wrong_audience").await;
    }
    target.refuses(&json!({ "aud": Value::Null }), "missing_claim").await;
}

#[test]
fn loose_files_about_bitbucket_are_refused() {
    case().refuses_loose_files();
}
