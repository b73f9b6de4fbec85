//! GitHub's four issuers: github.com, an enterprise's own, GHE.com and Enterprise Server. What its
//! claims mean is in `github_claims`.

use serde_json::{Value, json};
use trustmint_tests::KindCase;
use trustmint_tests::broker::AUDIENCE;

const GITHUB_COM: &str = "https://token.actions.githubusercontent.com";
const ENTERPRISE: &str = "https://token.actions.githubusercontent.com/acme-corp";

/// The claims of a release job, without those that the framework sets.
fn claims() -> Value {
    let mut claims = trustmint_tests::github(GITHUB_COM, AUDIENCE);
    claims["enterprise"] = json!("acme-corp");
    claims["enterprise_id"] = json!("1042");
    claims
}

fn case(url: &'static str) -> KindCase {
    KindCase {
        kind: "github",
        url,
        claims: claims(),
        pins: vec![
            ("repository_owner_id", json!({ "repository_owner_id": null })),
            ("repository_id", json!({ "repository_id": null })),
        ],
        policy: vec![
            ("repository_owner_id", "\"9100048\""),
            ("repository_id", "\"48124571\""),
            ("workflow_file", "\"release.yml\""),
            ("environment", "\"pypi\""),
        ],
        names: vec![
            ("repository", "\"acme/widget\""),
            ("repository_owner", "\"acme\""),
            ("sub", "\"repo:acme/widget:environment:pypi\""),
        ],
        ..KindCase::default()
    }
}

pub(super) fn github_com() -> KindCase {
    KindCase {
        strangers: &[
            ENTERPRISE,
            "https://token.actions.acme.ghe.com",
            "https://github.com",
            "https://github.com/login/oauth",
            "https://github.evil.example/_services/token",
        ],
        malformed_urls: &[
            "https://token.actions.githubusercontent.com/",
            "https://token.actions.githubusercontent.com/acme-corp/",
            "https://token.actions.githubusercontent.com/acme-corp/widget",
            "https://token.actions.githubusercontent.com//acme-corp",
            "https://token.actions.githubusercontent.com/*",
            "https://token.actions.githubusercontent.com/acme-corp?x",
            "https://TOKEN.actions.githubusercontent.com",
            "http://token.actions.githubusercontent.com",
            "https://token.actions.acme.ghe.com/",
            "https://token.actions.acme.ghe.com/other",
            "https://token.actions.acme.ghe.com/acme/widget",
            "https://token.actions.x.acme.ghe.com",
            "https://acme.ghe.com",
        ],
        ..case(GITHUB_COM)
    }
}

fn enterprise() -> KindCase {
    let mut case = case(ENTERPRISE);
    case.pins.push(("enterprise_id", json!({ "enterprise_id": null })));
    case.policy.push(("enterprise_id", "\"1042\""));
    case.names.push(("enterprise", "\"acme-corp\""));
    case.strangers = &[GITHUB_COM, "https://token.actions.githubusercontent.com/acme-corp-2"];
    case
}

fn ghe_com() -> KindCase {
    KindCase {
        strangers: &[
            GITHUB_COM,
            "https://token.actions.evil.ghe.com/acme",
            "https://token.actions.acme.ghe.com",
        ],
        ..case("https://token.actions.acme.ghe.com/acme")
    }
}

fn server() -> KindCase {
    KindCase {
        owned: false,
        strangers: &[
            GITHUB_COM,
            "https://github.corp.example",
            "https://github.corp.example/_services/token/acme",
        ],
        ..case("https://github.corp.example/_services/token")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_github_are_refused() {
    for case in [github_com(), enterprise(), ghe_com(), server()] {
        let target = case.start().await;
        target.refuses_the_usual().await;
        // Renamed and taken: the same names, another owner and repository.
        let recycled = [json!({ "repository_id": "48124572" }), json!({ "repository_owner_id": "9100049" })];
        target.refuses_each("no_matching_policy", recycled).await;
        // Names in which a careless reader finds ours.
        let collisions = [
            json!({ "repository_id": "1", "sub": "repo:acme/widget:environment:pypi/b" }),
            json!({ "repository_id": "1", "repository": "acme/widget", "sub": "repo:acme-9100048/widget-48124571:x" }),
            json!({ "repository_id": "48124571/b" }),
        ];
        target.refuses_each("no_matching_policy", collisions).await;
        let forged =
            json!({ "repository_id": "48124571", "sub": "repo:acme@9100048/widget@1:environment:pypi" });
        target.refuses(&forged, "invalid_claim").await;
        let dangerous = ["pull_request_target", "workflow_run", "issue_comment"];
        target.refuses_each("dangerous_event", dangerous.map(|event| json!({ "event_name": event }))).await;
        target.refuses(&json!({ "event_name": "pull_request" }), "claim_mismatch").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn github_reused_enterprise_slug_grants_nothing() {
    let target = enterprise().start().await;
    // The slug was freed and registered again: `iss` and `enterprise` are as they were.
    for id in ["1043", "01042", "1042 "] {
        target.refuses(&json!({ "enterprise_id": id }), "no_matching_policy").await;
    }
}

#[test]
fn loose_files_about_github_are_refused() {
    for case in [github_com(), enterprise(), ghe_com(), server()] {
        case.refuses_loose_files();
    }
    // On github.com itself repositories' ids are enough.
    let (code, said) = github_com().check_policy(&github_com().policy);
    assert_eq!(code, 0, "{said}");
}
