//! GitLab: ids decide, and a fork's code never publishes, whichever of two projects a claim names.

use serde_json::json;
use trustmint_tests::KindCase;

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "gitlab",
        url: "https://gitlab.com",
        claims: json!({
            "ci_config_ref_uri": "gitlab.com/acme/billing//.gitlab-ci.yml@refs/tags/v1.2.3",
            "ci_config_sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
            "deployment_tier": "production",
            "environment": "pypi",
            "environment_protected": "true",
            "groups_direct": ["acme", "acme/ops"],
            "job_id": "302",
            "job_namespace_id": "4412",
            "job_namespace_path": "acme",
            "job_project_id": "20117",
            "job_project_path": "acme/billing",
            "job_source": "pipeline",
            "namespace_id": "4412",
            "namespace_path": "acme",
            "pipeline_id": "574",
            "pipeline_source": "push",
            "project_id": "20117",
            "project_path": "acme/billing",
            "project_visibility": "private",
            "ref": "v1.2.3",
            "ref_path": "refs/tags/v1.2.3",
            "ref_protected": "true",
            "ref_type": "tag",
            "runner_environment": "gitlab-hosted",
            "runner_id": 12,
            "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
            "sub": "project_path:acme/billing:ref_type:tag:ref:v1.2.3",
            "user_access_level": "maintainer",
            "user_email": "releaser@acme.example",
            "user_id": "17",
            "user_login": "releaser",
        }),
        pins: vec![
            ("namespace_id", json!({ "namespace_id": null })),
            ("project_id", json!({ "project_id": null })),
        ],
        policy: vec![
            ("namespace_id", "\"4412\""),
            ("project_id", "\"20117\""),
            ("config_file", "\".gitlab-ci.yml\""),
            ("ref_type", "\"tag\""),
            ("ref_protected", "\"true\""),
        ],
        names: vec![
            ("namespace_path", "\"acme\""),
            ("project_path", "\"acme/billing\""),
            ("sub", "\"project_path:acme/billing:ref_type:tag:ref:v1.2.3\""),
        ],
        strangers: &[
            "gitlab.com",
            "https://gitlab.com/acme",
            "https://gitlab.corp.example",
            "https://www.gitlab.com",
        ],
        malformed_urls: &[
            "https://gitlab.com/",
            "https://gitlab.com/acme",
            "https://gitlab.com/acme/billing",
        ],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_gitlab_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    let recycled = [
        json!({ "project_id": "20118", "job_project_id": "20118" }),
        json!({ "namespace_id": "4413", "job_namespace_id": "4413" }),
        json!({ "project_id": "20118", "job_project_id": null, "sub": "project_path:acme/billing:ref_type:tag:ref:v1.2.3" }),
    ];
    target.refuses_each("no_matching_policy", recycled).await;
    let dangerous = ["merge_request_event", "external_pull_request_event", "trigger", "api", "chat"];
    target
        .refuses_each("dangerous_event", dangerous.map(|source| json!({ "pipeline_source": source })))
        .await;
    let unknown = [json!({ "pipeline_source": null }), json!({ "pipeline_source": "webide" })];
    target.refuses_each("claim_mismatch", unknown).await;
    let foreign_configuration = [
        json!({ "ci_config_ref_uri": "gitlab.com/evil/billing//.gitlab-ci.yml@refs/heads/main" }),
        json!({ "ci_config_ref_uri": "https://evil.example/.gitlab-ci.yml" }),
        json!({ "ref_protected": "false" }),
        json!({ "ref_protected": null }),
    ];
    target.refuses_each("claim_mismatch", foreign_configuration).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_fork_code_never_publishes() {
    let target = case().start().await;
    // A child pipeline of a merge request's: its source alone looks harmless.
    for source in ["parent_pipeline", "push"] {
        let runs_elsewhere = [
            json!({ "pipeline_source": source, "job_project_id": "999", "job_project_path": "mallory/billing" }),
            json!({ "pipeline_source": source, "source_project_id": "999" }),
            json!({ "pipeline_source": source, "job_project_id": "20117", "source_project_id": "999" }),
            json!({ "pipeline_source": source, "job_project_id": "" }),
        ];
        target.refuses_each("dangerous_event", runs_elsewhere).await;
    }
    // What names the fork has the fork's ids, wherever it runs.
    let named = json!({ "project_id": "999", "namespace_id": "998", "job_project_id": "20117" });
    target.refuses(&named, "dangerous_event").await;
    let unreadable = [json!({ "job_project_id": ["20117"] }), json!({ "job_project_id": {} })];
    target.refuses_each("claim_mismatch", unreadable).await;
    // Older instances do not say where the job runs.
    target.accepts(&json!({ "job_project_id": null, "job_project_path": null })).await;
    target.accepts(&json!({ "source_project_id": "20117" })).await;
}

#[test]
fn loose_files_about_gitlab_are_refused() {
    case().refuses_loose_files();
    let (code, said) = case().check_policy(&[case().policy, vec![("code_origin", "\"fork\"")]].concat());
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("publish from the project's own branch or tag"), "{said}");
    let self_managed =
        KindCase { url: "https://gitlab.corp.example/gitlab", owned: false, malformed_urls: &[], ..case() };
    self_managed.refuses_loose_files();
}
