//! Kubernetes: a service account is its name and its uid, for a name can be made again.

use serde_json::{Value, json};
use trustmint_tests::KindCase;

/// What a bound token says, of a service account with this namespace, name and uid.
fn bound(namespace: &str, name: &str, uid: &str) -> Value {
    json!({
        "namespace": namespace,
        "node": { "name": "ip-10-0-12-34.ec2.internal", "uid": "6f2a4a6e-1c3b-4f0e-8c7e-0a5c1d2e3f40" },
        "pod": { "name": "publish-7xk2p", "uid": "0b8a6f4e-9d2c-4e1f-8a3b-5c6d7e8f9a01" },
        "serviceaccount": { "name": name, "uid": uid },
        "warnafter": 1_790_003_607,
    })
}

const UID: &str = "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798";

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "kubernetes",
        url: "https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
        claims: json!({
            "sub": "system:serviceaccount:ci:publisher",
            "aud": ["pypi.example.com"],
            "kubernetes.io": bound("ci", "publisher", UID),
        }),
        pins: vec![
            ("sub", json!({ "sub": null })),
            (
                "/kubernetes.io/serviceaccount/uid",
                json!({ "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "publisher" } } }),
            ),
        ],
        policy: vec![
            ("sub", "\"system:serviceaccount:ci:publisher\""),
            ("/kubernetes.io/serviceaccount/uid", "\"14ee3fa4-a7e2-420f-9f9a-dbc4507c3798\""),
        ],
        names: vec![
            ("/kubernetes.io/namespace", "\"ci\""),
            ("/kubernetes.io/serviceaccount/name", "\"publisher\""),
        ],
        strangers: &[
            "https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLF",
            "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
            "https://oidc.eks.eu-central-1.amazonaws.com/id/exampled539d4633e53de1b71example",
            "https://kubernetes.default.svc",
        ],
        malformed_urls: &[
            "https://oidc.eks.eu-central-1.amazonaws.com",
            "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC/x",
            "https://eastus.oic.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/66666666-7777-8888-9999-000000000000",
            "https://eastus.oic.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/",
            "https://container.googleapis.com/v1/projects/acme/clusters/prod",
            "https://container.googleapis.com/v1/projects/acme/locations/europe-west3/clusters/prod/",
            "https://kubernetes.default.svc/openid/v1/jwks",
        ],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_kubernetes_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    let strangers = [
        // Deleted, and made again under the same name.
        json!({ "kubernetes.io": bound("ci", "publisher", "24ee3fa4-a7e2-420f-9f9a-dbc4507c3798") }),
        json!({ "kubernetes.io": bound("ci", "publisher", "14EE3FA4-A7E2-420F-9F9A-DBC4507C3798") }),
        json!({ "sub": "system:serviceaccount:dev:publisher", "kubernetes.io": bound("dev", "publisher", UID) }),
    ];
    target.refuses_each("no_matching_policy", strangers).await;
    let contradictions = [
        json!({ "kubernetes.io": bound("dev", "publisher", UID) }),
        json!({ "kubernetes.io": bound("ci", "other", UID) }),
        json!({ "sub": "system:serviceaccount:ci:publisher:x" }),
        json!({ "sub": "system:serviceaccount:a:b:c", "kubernetes.io": bound("a:b", "c", UID) }),
        json!({ "sub": "system:serviceaccount:ci:publisher ", "kubernetes.io": bound("ci", "publisher", UID) }),
    ];
    target.refuses_each("invalid_claim", contradictions).await;
    let legacy = [
        json!({ "kubernetes.io": null, "kubernetes.io/serviceaccount/service-account.uid": UID }),
        json!({ "kubernetes.io": [bound("ci", "publisher", UID)] }),
        json!({ "kubernetes.io": null, "/kubernetes.io/serviceaccount/uid": UID }),
    ];
    target.refuses_each("missing_claim", legacy).await;
    let audiences = json!({ "aud": ["pypi.example.com", "sts.amazonaws.com"] });
    target.refuses(&audiences, "wrong_audience").await;
}

#[test]
fn loose_files_about_kubernetes_are_refused() {
    case().refuses_loose_files();
}

#[test]
fn kubernetes_issuer_urls_of_each_provider_are_accepted() {
    for url in [
        "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
        "https://eastus.oic.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/66666666-7777-8888-9999-000000000000/",
        "https://oidc.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/",
        "https://container.googleapis.com/v1/projects/acme/locations/europe-west3/clusters/prod",
        "https://kubernetes.default.svc",
        "https://kubernetes.default.svc.cluster.local",
        "https://k8s.example.com/clusters/prod",
    ] {
        let (code, said) = case().check_section(&format!("kind = \"kubernetes\"\nurl = \"{url}\""));
        assert_eq!(code, 0, "{url}: {said}");
        let (code, said) =
            case().check_section(&format!("kind = \"oidc\"\nurl = \"{url}\"\npins = [\"sub\"]"));
        let operators_own = url.starts_with("https://k8s.example.com");
        assert_eq!(said.contains("write kind = \"kubernetes\""), !operators_own, "{url}: {said}");
        assert_eq!(code, if operators_own { 0 } else { 2 }, "{url} under oidc: {said}");
    }
}
