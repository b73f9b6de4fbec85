//! `POST /explain`: the holder of an ID token learns what it would get, and nothing about others.

use serde_json::{Value, json};
use trustmint_tests::broker::{ADMIN_TOKEN, AUDIENCE, POLICY, PUBLIC_URL};
use trustmint_tests::keys::stranger;
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup, github};

/// Someone else's policy, and a deny about a package of ours.
const OTHERS: &str = r#"
[[policy]]
id       = "top-secret-project"
issuer   = "github"
registry = "pypi"
packages = ["manhattan"]
actions  = ["publish"]
[policy.match]
repository_owner_id = "777"
repository_id       = "778"

[[deny]]
registry = "pypi"
packages = ["widget-extras"]
"#;

async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).policies(&format!("{POLICY}{OTHERS}")).start().await;
    (issuer, broker)
}

async fn explain(broker: &BrokerProcess, id_token: &str, more: &[(&str, &str)]) -> Reply {
    let reply = broker.post_form("/explain", &[&[("subject_token", id_token)], more].concat()).await;
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("access-control-allow-origin"), "");
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_the_grant_and_spends_nothing() {
    let (issuer, broker) = stage().await;
    let id_token = issuer.id_token(AUDIENCE);
    let reply = explain(&broker, &id_token, &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let body = reply.json();
    assert_eq!(body["allowed"], true);
    assert_eq!(
        body["grant"],
        json!({ "scope": "package:widget:publish,create", "expires_in": 900, "policies": ["widget-release"] })
    );
    assert_eq!(body["policies"][0]["matches"], true);
    let less = explain(&broker, &id_token, &[("scope", "package:widget:publish")]).await;
    assert_eq!(less.json()["grant"]["scope"], "package:widget:publish");
    let beyond = explain(&broker, &id_token, &[("scope", "package:manhattan:publish")]).await;
    assert_eq!((beyond.status.as_u16(), beyond.reason().as_str()), (200, "not_covered"));
    // The broker's own audience will do here as it does for an exchange.
    let own = explain(&broker, &issuer.id_token(PUBLIC_URL), &[("audience", "pypi")]).await;
    assert_eq!(own.json()["allowed"], true, "{}", own.text);

    assert_eq!(broker.exchange(&id_token).await.status, 200, "it can still be spent");
    assert_eq!(broker.exchange(&id_token).await.reason(), "replayed");
    assert_eq!(explain(&broker, &id_token, &[]).await.status, 200, "and explained after that");
    let minted = broker.audit().iter().filter(|event| event["outcome"] == "minted").count();
    assert!(minted <= 1 && broker.audit().len() <= 2, "a dry run is not an action: {:?}", broker.audit());
    let explained = "trustmint_explanations_total{registry=\"pypi\",outcome=\"allowed\"}";
    assert_eq!(broker.metric(explained).await, 4);
    assert_eq!(broker.metric("trustmint_http_requests_total{route=\"/explain\",status=\"200\"}").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_names_conditions_but_no_files() {
    let (issuer, broker) = stage().await;
    let changes = json!({ "environment": "staging", "ref": "refs/heads/main" });
    let reply = explain(&broker, &issuer.id_token_with(AUDIENCE, &changes), &[]).await;
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!((&body["allowed"], &body["reason"]), (&json!(false), &json!("claim_mismatch")));
    let conditions = body["policies"][0]["conditions"].as_array().expect("conditions");
    let failed: Vec<_> = conditions.iter().filter(|condition| condition["holds"] == false).collect();
    assert_eq!(
        failed,
        [
            &json!({ "claim": "environment", "holds": false, "expected": ["pypi"], "received": "staging" }),
            &json!({ "claim": "ref", "holds": false, "expected": ["refs/tags/v*"], "received": "refs/heads/main" }),
        ]
    );
    for hidden in [".toml", "policies/", "top-secret", "manhattan", "sha256:", "777"] {
        assert!(!reply.text.contains(hidden), "{hidden}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_without_matching_pins_shows_nothing() {
    let issuer = Issuer::start().await;
    let (with, without) = (
        Setup::new(&issuer).policies(&format!("{POLICY}{OTHERS}")).start().await,
        Setup::new(&issuer).policies("").start().await,
    );
    // The same bytes whether there are policies or not; the second differs from one in its last digit.
    for (owner, repository) in [("1", "2"), ("9100048", "48124570"), ("777", "48124571")] {
        let changes = json!({ "repository_owner_id": owner, "repository_id": repository });
        let id_token = issuer.id_token_with(AUDIENCE, &changes);
        let answers = [explain(&with, &id_token, &[]).await, explain(&without, &id_token, &[]).await];
        assert_eq!(answers[0].reason(), "no_matching_policy");
        assert_eq!(answers[0].json()["policies"], json!([]));
        assert_eq!(answers[0].text, answers[1].text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_rejects_like_an_exchange() {
    let (issuer, broker) = stage().await;
    let fine = issuer.id_token(AUDIENCE);
    for id_token in [
        "x".to_owned(),
        stranger().sign(&github(&issuer.url, AUDIENCE)),
        issuer.id_token("elsewhere"),
        issuer.id_token_with(AUDIENCE, &json!({ "iss": "https://elsewhere.example" })),
        issuer.id_token_with(AUDIENCE, &json!({ "exp": 1_000_000_000, "iat": 999_999_999 })),
        issuer.id_token_with(AUDIENCE, &json!({ "repository_id": null })),
        "x".repeat(20_000),
    ] {
        let (explained, exchanged) =
            (explain(&broker, &id_token, &[]).await, broker.exchange(&id_token).await);
        assert_eq!((explained.status, &explained.text), (exchanged.status, &exchanged.text));
        assert_eq!(explained.status, 400);
    }
    for form in [&[][..], &[("subject_token", "a"), ("subject_token", "b")]] {
        let reply = broker.post_form("/explain", form).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].clone()), (400, json!("invalid_request")));
    }
    let nowhere = explain(&broker, &fine, &[("audience", "npm")]).await;
    assert_eq!(nowhere.json()["error"], "invalid_target");
    let get = broker.get(&format!("/explain?subject_token={fine}")).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST"));
    assert_eq!(broker.post_json("/explain", &json!({ "subject_token": fine })).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn id_token_is_explained_ten_times() {
    let (issuer, broker) = stage().await;
    let (first, second) = (issuer.id_token(AUDIENCE), issuer.id_token(AUDIENCE));
    let once = async || explain(&broker, &first, &[]).await.status.as_u16();
    let together =
        tokio::join!(once(), once(), once(), once(), once(), once(), once(), once(), once(), once());
    assert_eq!(together, (200, 200, 200, 200, 200, 200, 200, 200, 200, 200));
    let reply = explain(&broker, &first, &[]).await;
    assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (429, "rate_limited"), "{}", reply.text);
    assert_eq!(reply.json()["error"], "temporarily_unavailable");
    assert_eq!(explain(&broker, &second, &[]).await.status, 200, "each has its own count");
    assert_eq!(broker.exchange(&first).await.status, 200, "and can still be spent");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_a_suspension_until_resumed() {
    let (issuer, broker) = stage().await;
    let id_token = issuer.id_token(AUDIENCE);
    let suspension = json!({ "policy": "widget-release" });
    assert_eq!(broker.admin("/suspend", &suspension).await.status, 204);
    let body = explain(&broker, &id_token, &[]).await.json();
    assert_eq!((&body["allowed"], &body["reason"]), (&json!(false), &json!("suspended")), "{body}");
    assert_eq!(body["grant"], Value::Null);
    assert_eq!(broker.admin("/resume", &suspension).await.status, 204);
    assert_eq!(explain(&broker, &id_token, &[]).await.json()["allowed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_explain_shows_files_and_near_policies() {
    let (issuer, broker) = stage().await;
    let changes = json!({ "repository_id": "778" });
    let id_token = issuer.id_token_with(AUDIENCE, &changes);
    let reply = broker.admin("/explain", &json!({ "token": id_token })).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let body = reply.json();
    assert_eq!(body["reason"], "no_matching_policy");
    assert!(body["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")));
    let near = body["not_considered"].as_array().expect("near policies");
    assert_eq!(
        near.iter().map(|near| near["id"].clone()).collect::<Vec<_>>(),
        ["top-secret-project", "widget-release"]
    );
    assert!(near[0]["at"].as_str().is_some_and(|at| at.ends_with("policies.toml:16")), "{body}");

    let claims: Value = json!({ "repository_owner_id": "777", "repository_id": "778", "event_name": "push" });
    let bare = json!({ "claims": claims, "issuer": "github", "registry": "pypi", "scope": "package:manhattan:publish" });
    let reply = broker.admin("/explain", &bare).await;
    assert_eq!(reply.json()["allowed"], true, "{}", reply.text);
    broker.admin("/suspend", &json!({ "issuer": "github" })).await;
    assert_eq!(broker.admin("/explain", &bare).await.json()["reason"], "suspended");

    for wrong in [
        json!({}),
        json!({ "token": "x", "claims": {} }),
        json!({ "claims": {}, "registry": "npm" }),
        json!({ "claims": {}, "colour": "red" }),
        json!({ "claims": {} }),
        json!({ "token": "x" }),
        json!({ "claims": claims, "issuer": "github", "scope": "x" }),
    ] {
        let reply = broker.admin("/explain", &wrong).await;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text);
    }
    let stranger = broker.http().post(format!("{}/explain", broker.admin)).bearer_auth("x").json(&bare);
    assert_eq!(broker.send(stranger).await.status, 401);
    let elsewhere =
        broker.http().post(format!("{}/explain", broker.public)).bearer_auth(ADMIN_TOKEN).json(&bare);
    assert_eq!(broker.send(elsewhere).await.status, 400, "the public listener knows no operator");
}
