//! Azure DevOps: a token whose audience is everyone's, names in `sub`, and the organization in `iss`.

use serde_json::json;
use trustmint_tests::KindCase;

const SHARED: &str = "api://AzureADTokenExchange";

/// A pipeline's own token.
pub(super) fn pipeline() -> KindCase {
    KindCase {
        kind: "azure-devops",
        url: "https://vstoken.dev.azure.com/7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c",
        section: "accept_shared_audience = true",
        audience: SHARED,
        claims: json!({
            "def_id": "42",
            "org_id": "7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c",
            "prj_id": "3e5a7c90-1b2d-4f3e-a4b5-c6d7e8f90a1b",
            "rpo_id": "5f7e9d0c-2b3a-4c1d-8e9f-0a1b2c3d4e5f",
            "rpo_ref": "refs/heads/main",
            "rpo_uri": "https://dev.azure.com/acme/widget/_git/widget",
            "rpo_ver": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
            "run_id": "1207",
            "sub": "p://acme/widget/release",
        }),
        pins: vec![("sub", json!({ "sub": null }))],
        policy: vec![
            ("sub", "\"p://acme/widget/release\""),
            ("prj_id", "\"3e5a7c90-1b2d-4f3e-a4b5-c6d7e8f90a1b\""),
            ("def_id", "\"42\""),
        ],
        names: vec![("rpo_uri", "\"https://dev.azure.com/acme/widget/_git/widget\"")],
        strangers: &[
            "https://vstoken.dev.azure.com",
            "https://vstoken.dev.azure.com/11111111-52d4-4f6a-8b0c-1d2e3f4a5b6c",
            "https://vstoken.dev.azure.com/acme",
            "https://login.microsoftonline.com/7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c/v2.0",
            "https://sts.windows.net/7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c/",
        ],
        malformed_urls: &[
            "https://vstoken.dev.azure.com",
            "https://vstoken.dev.azure.com/acme",
            "https://vstoken.dev.azure.com/*",
            "https://vstoken.dev.azure.com/7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c/",
            "https://vstoken.dev.azure.com/7B9C1A3E-52D4-4F6A-8B0C-1D2E3F4A5B6C",
            "https://vstoken.dev.azure.com/7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c/x",
            "https://login.microsoftonline.com/common/v2.0",
            "https://login.microsoftonline.com/7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c",
            "https://login.microsoftonline.com/7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c/v2.0/",
        ],
        ..KindCase::default()
    }
}

/// A service connection's, as Entra issues it.
fn connection() -> KindCase {
    KindCase {
        url: "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
        owned: false,
        claims: json!({
            "sub": "/eid1/c/pub/t/72f988bf/a/499b84ac/sc/7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c/0c42a6f9-2f3b-4c06-8a1e-9f5a3f5cd7b1",
        }),
        policy: vec![(
            "sub",
            "\"/eid1/c/pub/t/72f988bf/a/499b84ac/sc/7b9c1a3e-52d4-4f6a-8b0c-1d2e3f4a5b6c/0c42a6f9-2f3b-4c06-8a1e-9f5a3f5cd7b1\"",
        )],
        strangers: &[
            "https://login.microsoftonline.com/common/v2.0",
            "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47",
        ],
        malformed_urls: &[],
        ..pipeline()
    }
}

/// A service connection's, as Azure DevOps issues it until July 2027.
fn old_connection() -> KindCase {
    KindCase {
        claims: json!({ "sub": "sc://acme/widget/publishing" }),
        policy: vec![("sub", "\"sc://acme/widget/publishing\"")],
        ..pipeline()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_azure_devops_are_refused() {
    for case in [pipeline(), connection(), old_connection()] {
        let target = case.start().await;
        target.refuses_the_usual().await;
        let sub = target.case.claims["sub"].as_str().expect("text").to_owned();
        for other in [
            "sc://acme/widget/release".to_owned(),
            "p://acme/widget/release/".to_owned(),
            "p://acme/widget/Release".to_owned(),
            format!("{sub}/b"),
            format!(" {sub}"),
            sub.to_ascii_uppercase(),
        ] {
            target.refuses(&json!({ "sub": other }), "no_matching_policy").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_devops_run_claims_agree_and_are_safe() {
    let target = pipeline().start().await;
    let other_organization = [json!("11111111-52d4-4f6a-8b0c-1d2e3f4a5b6c"), json!(""), json!(7), json!([])];
    target.refuses_each("invalid_claim", other_organization.map(|id| json!({ "org_id": id }))).await;
    // A pipeline deleted and made again under its name.
    let recycled = [json!({ "def_id": "43" }), json!({ "prj_id": "x" }), json!({ "def_id": null })];
    target.refuses_each("claim_mismatch", recycled).await;
    target.refuses(&json!({ "rpo_ref": "refs/pull/7/merge" }), "dangerous_event").await;
    let unreadable = [json!("main"), json!(""), json!(7), json!(["refs/heads/main"])];
    target.refuses_each("claim_mismatch", unreadable.map(|name| json!({ "rpo_ref": name }))).await;
    target.accepts(&json!({ "rpo_ref": "refs/tags/v1.2.3", "org_id": null })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_devops_shared_audience_needs_permission() {
    // A registry may list it where an issuer accepts it, and only there.
    let listed = KindCase { registry_audiences: &["pypi.example.com", SHARED], ..pipeline() };
    assert_eq!(listed.check_policy(&listed.policy).0, 0);
    let alone = KindCase { section: "", ..listed };
    let (code, said) = alone.check_policy(&alone.policy);
    assert!(code == 2 && said.contains("error[E010]"), "{said}");
    let unsaid = KindCase { section: "", ..pipeline() };
    let broker = unsaid.setup().start().await;
    let reply = broker.exchange(&unsaid.token(&json!({}))).await;
    assert_eq!(reply.reason(), "wrong_audience", "{}", reply.text);
    assert!(reply.text.contains("accept_shared_audience"), "{}", reply.text);
    // With the word, its own audience is still good, and no other is.
    let target = pipeline().start().await;
    target.accepts(&json!({ "aud": "pypi.example.com" })).await;
    for aud in
        ["api://AzureADTokenExchangeUSGov", "api://azureadtokenexchange", "api://AzureADTokenExchange/"]
    {
        target.refuses(&json!({ "aud": aud }), "wrong_audience").await;
    }
}

#[test]
fn loose_files_about_azure_devops_are_refused() {
    pipeline().refuses_loose_files();
    connection().refuses_loose_files();
    // Entra signs for much else: its issuers may be configured as any other.
    let url = connection().url;
    let (_, said) =
        connection().check_section(&format!("kind = \"oidc\"\nurl = \"{url}\"\npins = [\"sub\"]"));
    assert!(!said.contains("known issuer"), "{said}");
}
