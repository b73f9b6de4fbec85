//! Terraform: organization and workspace decide, and a plan never publishes.

use serde_json::json;
use trustmint_tests::KindCase;
use trustmint_tests::kind_case::KindTarget;

const SHARED_AUDIENCE: &str = "aws.workload.identity";

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "terraform",
        url: "https://app.terraform.io",
        claims: json!({
            "sub": "organization:acme:project:Default Project:workspace:widget:run_phase:apply",
            "terraform_run_phase": "apply",
            "terraform_workspace_id": "ws-mbsd5E3Ktt5Rg2Xm",
            "terraform_workspace_name": "widget",
            "terraform_organization_id": "org-GRNbCjYNpBB6NEBH",
            "terraform_organization_name": "acme",
            "terraform_project_id": "prj-vegSA59s1XPwMr2t",
            "terraform_project_name": "Default Project",
            "terraform_run_id": "run-X3n1AUXNGWbfECsJ",
            "terraform_full_workspace": "organization:acme:project:Default Project:workspace:widget",
        }),
        pins: vec![
            ("terraform_organization_id", json!({ "terraform_organization_id": null })),
            ("terraform_workspace_id", json!({ "terraform_workspace_id": null })),
        ],
        policy: vec![
            ("terraform_organization_id", "\"org-GRNbCjYNpBB6NEBH\""),
            ("terraform_workspace_id", "\"ws-mbsd5E3Ktt5Rg2Xm\""),
            ("terraform_project_id", "\"prj-vegSA59s1XPwMr2t\""),
        ],
        names: vec![("terraform_organization_name", "\"acme\""), ("terraform_workspace_name", "\"widget\"")],
        strangers: &["https://app.eu.terraform.io", "https://terraform.example.com", "https://terraform.io"],
        malformed_urls: &["https://app.terraform.io/app/acme"],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_terraform_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    let strangers = [
        // The names were given up, and taken by someone else.
        json!({ "terraform_organization_id": "org-evil", "terraform_workspace_id": "ws-evil" }),
        json!({ "terraform_organization_id": "org-evil" }),
        json!({ "terraform_workspace_id": "ws-evil" }),
        json!({ "terraform_workspace_id": "ws-MBSD5E3KTT5RG2XM" }),
    ];
    target.refuses_each("no_matching_policy", strangers).await;
    target.refuses(&json!({ "terraform_run_phase": "plan" }), "dangerous_event").await;
    let phases = [
        json!({ "terraform_run_phase": null }),
        json!({ "terraform_run_phase": "" }),
        json!({ "terraform_run_phase": "Apply" }),
        json!({ "terraform_project_id": "prj-other" }),
    ];
    target.refuses_each("claim_mismatch", phases).await;
    target.refuses(&json!({ "terraform_run_phase": ["apply"] }), "invalid_claim").await;
    // A deployment of a Stack has no workspace.
    let stack = json!({
        "terraform_workspace_id": null, "terraform_workspace_name": null, "terraform_stack_id": "st-mbsd5E3Ktt5Rg2Xm",
    });
    target.refuses(&stack, "missing_claim").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terraform_aws_token_is_refused() {
    let shared = KindCase { audience: SHARED_AUDIENCE, ..case() };
    let target = KindTarget { broker: shared.setup().start().await, case: shared };
    target.refuses(&json!({}), "wrong_audience").await;
}

#[test]
fn loose_files_about_terraform_are_refused() {
    case().refuses_loose_files();
    let (code, said) = case().check_policy(&case().policy_with("terraform_run_phase", Some("\"plan\"")));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("a run whose `terraform_run_phase` is \"plan\" may not publish"), "{said}");
    let (code, said) = case().check_policy(&case().policy_with("sub", Some("\"organization:acme\"")));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`sub` is not fit to match on"), "{said}");
}
