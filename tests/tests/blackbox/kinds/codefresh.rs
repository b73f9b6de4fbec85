//! Codefresh: account and pipeline decide, and a pull request's build never publishes.

use serde_json::json;
use trustmint_tests::KindCase;
use trustmint_tests::kind_case::KindTarget;

const SHARED_AUDIENCE: &str = "https://g.codefresh.io";

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "codefresh",
        url: "https://oidc.codefresh.io",
        jti: false,
        claims: json!({
            "sub": "account:628a80b693a15c0f9c13ab75:pipeline:65e5a53e52853dc51a5b0cc1:scm_repo_url:https://github.com/acme/widget:scm_user_name:octocat:scm_ref:v1.2.3",
            "account_id": "628a80b693a15c0f9c13ab75",
            "account_name": "acme",
            "pipeline_id": "65e5a53e52853dc51a5b0cc1",
            "pipeline_name": "widget/release",
            "workflow_id": "65e6bcf7c2af1f228fa97f80",
            "scm_user_name": "octocat",
            "scm_repo_url": "https://github.com/acme/widget",
            "scm_ref": "v1.2.3",
            "platform_url": "https://g.codefresh.io",
            "runner_environment": "hybrid",
        }),
        pins: vec![
            ("account_id", json!({ "account_id": null })),
            ("pipeline_id", json!({ "pipeline_id": null })),
        ],
        policy: vec![
            ("account_id", "\"628a80b693a15c0f9c13ab75\""),
            ("pipeline_id", "\"65e5a53e52853dc51a5b0cc1\""),
            ("scm_ref", "{ glob = \"v*\" }"),
        ],
        names: vec![("account_name", "\"acme\""), ("pipeline_name", "\"widget/release\"")],
        strangers: &["https://g.codefresh.io", "https://oidc.codefresh.com"],
        malformed_urls: &["https://oidc.codefresh.io/acme", "https://g.codefresh.io"],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_codefresh_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    // The same names in another account, and another pipeline of this one.
    let strangers = [
        json!({ "account_id": "628a80b693a15c0f9c13ab76", "pipeline_id": "65e5a53e52853dc51a5b0cc2" }),
        json!({ "account_id": "628a80b693a15c0f9c13ab76" }),
        json!({ "pipeline_id": "65e5a53e52853dc51a5b0cc2" }),
        json!({ "account_id": "65e5a53e52853dc51a5b0cc1", "pipeline_id": "628a80b693a15c0f9c13ab75" }),
        json!({ "pipeline_id": "65E5A53E52853DC51A5B0CC1" }),
    ];
    target.refuses_each("no_matching_policy", strangers).await;
    let pull_requests = [
        json!({ "scm_pull_request_target_branch": "main" }),
        json!({ "scm_pull_request_target_branch": "" }),
        json!({ "scm_pull_request_target_branch": ["main"] }),
        json!({ "scm_pull_request_target_branch": "main", "initiator": "octocat" }),
        json!({ "sub": "account:628a80b693a15c0f9c13ab75:pipeline:65e5a53e52853dc51a5b0cc1:scm_ref:v1:scm_pull_request_target_branch:main" }),
    ];
    target.refuses_each("dangerous_event", pull_requests).await;
    // Nothing says whose code it is.
    let unknown = json!({ "scm_ref": null, "code_origin": "own" });
    target.refuses(&unknown, "claim_mismatch").await;
    let audiences = json!({ "aud": ["pypi.example.com", "cosign"] });
    target.refuses(&audiences, "wrong_audience").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codefresh_shared_audience_needs_permission() {
    let shared = KindCase { audience: SHARED_AUDIENCE, ..case() };
    let accepting = KindCase { section: "accept_shared_audience = true\n", ..shared.clone() };
    let _ = accepting.start().await;
    let target = KindTarget { broker: shared.setup().start().await, case: shared };
    target.refuses(&json!({}), "wrong_audience").await;
}

#[test]
fn loose_files_about_codefresh_are_refused() {
    case().refuses_loose_files();
    let (code, said) = case().check_policy(&case().policy_with("code_origin", Some("\"pull-request\"")));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("a run whose `code_origin` is \"pull-request\" may not publish"), "{said}");
    let (code, said) = case().check_policy(&case().policy_with("sub", Some("\"account:x\"")));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`sub` is not fit to match on"), "{said}");
}
