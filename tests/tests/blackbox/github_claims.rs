//! What GitHub signs: the ids decide, `sub` and names never do.

use serde_json::{Value, json};
use trustmint_tests::attack::Target;
use trustmint_tests::broker::AUDIENCE;

fn with(target: &Target, changes: &Value) -> String {
    target.issuer.id_token_with(AUDIENCE, changes)
}

#[tokio::test(flavor = "multi_thread")]
async fn immutable_sub_agrees_with_the_id_claims() {
    let target = Target::start().await;
    for sub in [
        "repo:acme@9100048/widget@1:environment:pypi",
        "repo:acme@1/widget@48124571:environment:pypi",
        "repo:acme@48124571/widget@9100048:environment:pypi",
        "repo:acme@9100048/widget@48124571@1:environment:pypi",
        "repo:acme@/widget@:environment:pypi",
        "repo:acme@9100048/widget@048124571:environment:pypi",
        // Half of the form: `@` occurs in no name, so the id is meant, and the other is missing.
        "repo:acme@1/widget:environment:pypi",
        "repo:acme/widget@1:environment:pypi",
        "repo:acme@9100048/widget:environment:pypi",
        "repo:acme@1",
    ] {
        target.refuses_checked(sub, &with(&target, &json!({ "sub": sub })), "invalid_claim").await;
    }
    for sub in [
        "repo:acme@9100048/widget@48124571:environment:pypi",
        "repo:acme/widget:environment:pypi",
        "repo:acme/widget:ref:refs/heads/a@b/c@d",
        "repository_owner:acme",
    ] {
        target.accepts(sub, &with(&target, &json!({ "sub": sub }))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_without_a_pin_is_refused() {
    let target = Target::start().await;
    for pin in ["repository_id", "repository_owner_id"] {
        let token = with(&target, &json!({ pin: null }));
        target.refuses_checked(pin, &token, "missing_claim").await;
        for value in ["null", "\"\"", "48124571.0", "[\"48124571\"]", "{}"] {
            let token = target.with_raw(pin, value);
            target.refuses_checked(&format!("{pin} {value}"), &token, "missing_claim").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recycled_name_grants_nothing() {
    let target = Target::start().await;
    for changes in [
        json!({ "repository_id": "48124572" }),
        json!({ "repository_owner_id": "9100049" }),
        json!({ "repository_id": "9100048", "repository_owner_id": "48124571" }),
        json!({ "repository_id": "048124571" }),
        json!({ "repository_id": "48124571 " }),
        json!({ "repository_id": "48124571,48124572" }),
        json!({ "repository_id": "４8124571" }),
        json!({ "repository_owner_id": "9100048|48124571", "repository_id": "x" }),
    ] {
        let token = with(&target, &changes);
        target.refuses_checked(&changes.to_string(), &token, "no_matching_policy").await;
    }
    // Renamed, and still itself.
    let renamed = json!({
        "repository": "umbrella/gadget", "repository_owner": "umbrella", "sub": "repo:umbrella/gadget:environment:pypi",
        "workflow_ref": "Umbrella/Gadget/.github/workflows/release.yml@refs/tags/v1.2.3",
    });
    target.accepts("renamed", &with(&target, &renamed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_run_foreign_code_never_publish() {
    let target = Target::start().await;
    for event in ["pull_request_target", "workflow_run", "issue_comment"] {
        let token = with(&target, &json!({ "event_name": event }));
        target.refuses_checked(event, &token, "dangerous_event").await;
    }
    for event in ["pull_request", "issues", "PUSH", "push ", "merge_group", ""] {
        let token = with(&target, &json!({ "event_name": event }));
        target.refuses_checked(event, &token, "claim_mismatch").await;
    }
    target.refuses_checked("none", &with(&target, &json!({ "event_name": null })), "claim_mismatch").await;
    for event in [r#"["push"]"#, r#"["pull_request_target"]"#, "5.5", "{}"] {
        target.refuses_checked(event, &target.with_raw("event_name", event), "invalid_claim").await;
    }
    for event in ["push", "release", "workflow_dispatch", "schedule"] {
        target.accepts(event, &with(&target, &json!({ "event_name": event }))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_workflow_file_does_not_match() {
    let target = Target::start().await;
    for workflow_ref in [
        json!("evil/widget/.github/workflows/release.yml@refs/tags/v1.2.3"),
        json!("acme/widget2/.github/workflows/release.yml@refs/tags/v1.2.3"),
        json!("acme/.github/.github/workflows/release.yml@refs/tags/v1.2.3"),
        json!("x/acme/widget/.github/workflows/release.yml@refs/tags/v1.2.3"),
        json!("acme/widget/.github/workflows/evil.yml@refs/tags/release.yml"),
        json!("acme/widget/.github/workflows/evil.yml@x/.github/workflows/release.yml@refs/tags/v1"),
        json!("acme/widget/.github/workflows/release.yml@refs/tags/a@refs/tags/v1"),
        json!("acme/widget/.github/workflows/sub/release.yml@refs/tags/v1.2.3"),
        json!("acme/widget/.github/workflows/RELEASE.yml@refs/tags/v1.2.3"),
        json!("acme/widget/.github/workflows/release.yml"),
        json!("release.yml"),
        json!(""),
        json!(5),
        json!(["acme/widget/.github/workflows/release.yml@refs/tags/v1.2.3"]),
        Value::Null,
    ] {
        // A signed claim of the derived one's name changes nothing.
        let changes = json!({ "workflow_ref": workflow_ref, "workflow_file": "release.yml", "workflow": "release.yml" });
        let token = with(&target, &changes);
        let reply = target.broker.exchange(&token).await;
        assert_eq!(reply.reason(), "claim_mismatch", "{workflow_ref}: {}", reply.text);
        assert_eq!(reply.json()["claim"], "workflow_file", "{workflow_ref}: {}", reply.text);
    }
    // Of a reusable workflow only the caller counts here.
    let called = json!({ "job_workflow_ref": "evil/x/.github/workflows/release.yml@refs/heads/main" });
    target.accepts("a called workflow", &with(&target, &called)).await;
}
