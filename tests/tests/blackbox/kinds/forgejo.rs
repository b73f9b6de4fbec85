//! Forgejo: ids decide; `sub`, in which names and ids cannot be told apart, never does.

use serde_json::json;
use trustmint_tests::KindCase;

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "forgejo",
        url: "https://forgejo.example.com/api/actions",
        jti: false,
        claims: json!({
            "actor": "alice",
            "actor_id": "7",
            "base_ref": "",
            "event_name": "push",
            "head_ref": "",
            "ref": "refs/tags/v1.2.3",
            "ref_protected": "false",
            "ref_type": "tag",
            "repository": "my-org/my-repo",
            "repository_id": "456789",
            "repository_owner": "my-org",
            "repository_owner_id": "123456",
            "run_attempt": "1",
            "run_id": "43",
            "run_number": "12",
            "sha": "76cb2978acb72029ac23277a6192eea1707c6a2c",
            "sub": "repo:my-org-123456/my-repo-456789:ref:refs/tags/v1.2.3",
            "workflow": "release.yml",
            "workflow_ref": "my-org/my-repo/.forgejo/workflows/release.yml@refs/tags/v1.2.3",
        }),
        pins: vec![
            ("repository_owner_id", json!({ "repository_owner_id": null })),
            ("repository_id", json!({ "repository_id": null })),
        ],
        policy: vec![
            ("repository_owner_id", "\"123456\""),
            ("repository_id", "\"456789\""),
            ("workflow_file", "\"release.yml\""),
            ("ref", "{ glob = \"refs/tags/v*\" }"),
        ],
        names: vec![("repository", "\"my-org/my-repo\""), ("workflow_file", "\"release.yml\"")],
        strangers: &[
            "https://forgejo.example.com",
            "https://forgejo.example.com/",
            "https://codeberg.org/api/actions",
            "https://forgejo.example.com/evil/api/actions",
        ],
        malformed_urls: &[
            "https://forgejo.example.com/api/actions/",
            "https://forgejo.example.com/api/actions/.well-known/openid-configuration",
            "https://forgejo.example.com/API/actions",
        ],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_forgejo_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    let strangers = [
        // The names were given up, and taken by someone else.
        json!({ "repository_owner_id": "123457", "repository_id": "456790" }),
        json!({ "repository_id": "456790" }),
        // An owner and a repository that are literally called so, under the older form of `sub`.
        json!({
            "repository_owner_id": "99", "repository_id": "98",
            "repository_owner": "my-org-123456", "repository": "my-org-123456/my-repo-456789",
            "workflow_ref": "my-org-123456/my-repo-456789/.forgejo/workflows/release.yml@refs/tags/v1.2.3",
        }),
        json!({ "repository_owner_id": "456789", "repository_id": "123456" }),
        json!({ "repository_id": "0456789" }),
    ];
    target.refuses_each("no_matching_policy", strangers).await;
    let dangerous = [
        "pull_request",
        "pull_request_target",
        "pull_request_comment",
        "pull_request_review",
        "issue_comment",
        "workflow_run",
    ];
    target.refuses_each("dangerous_event", dangerous.map(|event| json!({ "event_name": event }))).await;
    let mismatches = [
        json!({ "event_name": "issues" }),
        json!({ "event_name": null }),
        json!({ "workflow_ref": "evil/my-repo/.forgejo/workflows/release.yml@refs/tags/v1.2.3" }),
        json!({ "workflow_ref": "my-org/my-repo/.woodpecker/workflows/release.yml@refs/tags/v1.2.3" }),
        json!({ "workflow_ref": null, "workflow_file": "release.yml" }),
        json!({ "ref": "refs/heads/v1" }),
    ];
    target.refuses_each("claim_mismatch", mismatches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forgejo_renamed_repository_still_matches() {
    let target = case().start().await;
    for folder in [".forgejo", ".gitea", ".github"] {
        let renamed = json!({
            "repository": "umbrella/gadget", "repository_owner": "umbrella", "sub": "repo:umbrella/gadget:pull_request",
            "workflow_ref": format!("Umbrella/gadget/{folder}/workflows/release.yml@refs/tags/v1.2.3"),
        });
        target.accepts(&renamed).await;
    }
}

#[test]
fn loose_files_about_forgejo_are_refused() {
    case().refuses_loose_files();
    for (claim, value) in [
        ("sub", "\"repo:my-org-123456/my-repo-456789:ref:refs/tags/v1.2.3\""),
        ("workflow", "\"release.yml\""),
    ] {
        let (code, said) = case().check_policy(&case().policy_with(claim, Some(value)));
        assert_eq!(code, 2, "{claim}: {said}");
        assert!(said.contains(&format!("`{claim}` is not fit to match on")), "{said}");
    }
}
