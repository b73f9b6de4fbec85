//! AWS: a role of one account, whose number is said twice and must be the same.

use serde_json::{Value, json};
use trustmint_tests::KindCase;

const NAMESPACE: &str = "https://sts.amazonaws.com/";

fn of_account(account: Value) -> Value {
    json!({
        "aws_account": account,
        "source_region": "eu-central-1",
        "org_id": "o-a1b2c3d4e5",
        "principal_tags": { "team": "release" },
        "request_tags": { "job": "publish" },
    })
}

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "aws",
        url: "https://f9b0d5a4-3c1e-4f7a-9a51-0d2b7c8e6f10.tokens.sts.global.api.aws",
        claims: json!({
            "sub": "arn:aws:iam::123456789012:role/widget-publisher",
            NAMESPACE: of_account(json!("123456789012")),
        }),
        pins: vec![("sub", json!({ "sub": null }))],
        policy: vec![
            ("sub", "\"arn:aws:iam::123456789012:role/widget-publisher\""),
            ("/https:~1~1sts.amazonaws.com~1/aws_account", "\"123456789012\""),
            ("/https:~1~1sts.amazonaws.com~1/principal_tags/team", "\"release\""),
        ],
        names: vec![("/https:~1~1sts.amazonaws.com~1/principal_tags/team", "\"release\"")],
        strangers: &[
            "https://0a1b2c3d-3c1e-4f7a-9a51-0d2b7c8e6f10.tokens.sts.global.api.aws",
            "https://tokens.sts.global.api.aws",
            "https://sts.amazonaws.com",
        ],
        malformed_urls: &[
            "https://sts.amazonaws.com",
            "https://tokens.sts.global.api.aws",
            "https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws",
            "https://f9b0d5a4-3c1e-4f7a-9a51-0d2b7c8e6f10.tokens.sts.global.api.aws/x",
        ],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_aws_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    let strangers = [
        json!({ "sub": "arn:aws:iam::123456789012:role/other" }),
        json!({ "sub": "arn:aws:iam::123456789012:role/path/widget-publisher" }),
        json!({ "sub": "arn:aws:iam::123456789012:user/widget-publisher" }),
        json!({
            "sub": "arn:aws:iam::210987654321:role/widget-publisher",
            NAMESPACE: of_account(json!("210987654321")),
        }),
    ];
    target.refuses_each("no_matching_policy", strangers).await;
    let contradictions = [
        json!({ NAMESPACE: of_account(json!("210987654321")) }),
        json!({ "sub": "arn:aws:iam::210987654321:role/widget-publisher" }),
        json!({ "sub": "widget-publisher" }),
        json!({ NAMESPACE: of_account(json!(["123456789012"])) }),
    ];
    target.refuses_each("invalid_claim", contradictions).await;
    let without = [json!({ NAMESPACE: null }), json!({ NAMESPACE: null, "aws_account": "123456789012" })];
    target.refuses_each("claim_mismatch", without).await;
    target
        .refuses(&json!({ "aud": ["pypi.example.com", "https://api.example.com"] }), "wrong_audience")
        .await;
}

#[test]
fn loose_files_about_aws_are_refused() {
    case().refuses_loose_files();
}
