//! Jenkins: a job is its URL, to the byte.

use serde_json::json;
use trustmint_tests::KindCase;

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "jenkins",
        url: "https://jenkins.example.com/oidc",
        owned: false,
        jti: false,
        claims: json!({
            "sub": "https://jenkins.example.com/job/acme/job/widget/job/main/",
            "build_number": 17,
            "branch": "main",
        }),
        pins: vec![("sub", json!({ "sub": null }))],
        policy: vec![
            ("sub", "\"https://jenkins.example.com/job/acme/job/widget/job/main/\""),
            ("branch", "\"main\""),
        ],
        names: vec![("branch", "\"main\"")],
        strangers: &[
            "https://jenkins.example.com/job/acme/oidc",
            "https://jenkins.example.com",
            "https://evil.example/oidc",
        ],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_jenkins_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    let other_jobs = [
        "https://jenkins.example.com/job/acme/job/widget/job/PR-12/",
        "https://jenkins.example.com/job/acme/job/widget/job/main",
        "https://jenkins.example.com/job/acme/job/widget/job/main/17/",
        "https://jenkins.example.com/job/acme/job/widget/job/main%2F",
        "https://jenkins.example.com/job/acme/job/widget/job/MAIN/",
        "https://jenkins.example.com/job/evil/job/acme/job/widget/job/main/",
        "https://jenkins.example.com/",
        "main",
    ];
    target.refuses_each("no_matching_policy", other_jobs.map(|sub| json!({ "sub": sub }))).await;
    // A template can leave the claim out, and the credential the audience.
    target.refuses(&json!({ "branch": null }), "claim_mismatch").await;
    target.refuses(&json!({ "aud": null }), "missing_claim").await;
    target
        .refuses(
            &json!({ "sub": ["https://jenkins.example.com/job/acme/job/widget/job/main/"] }),
            "invalid_claim",
        )
        .await;
}

#[test]
fn loose_files_about_jenkins_are_refused() {
    case().refuses_loose_files();
}
