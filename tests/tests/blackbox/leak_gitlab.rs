//! A self-managed GitLab: the token revocation API, with a secret instead of a signature.

use serde_json::{Value, json};
use trustmint_tests::broker::{AUDIENCE, sha256_hex};
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup};

const SECRET: &str = "gitlab-s-own-secret-of-the-tests";

async fn send(broker: &BrokerProcess, method: &str, path: &str, secret: &str, body: &Value) -> Reply {
    let method = method.parse().expect("a method");
    let request = broker.http().request(method, format!("{}{path}", broker.public));
    let request = if secret.is_empty() { request } else { request.header("Authorization", secret) };
    broker.send(request.json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn self_managed_gitlab_revokes_found_tokens() {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer);
    setup.registries.push_str(&format!(
        "\n[reporters.our-gitlab]\nkind = \"gitlab-revocation\"\nsecret_sha256 = [\"{}\", \"{}\"]\n",
        sha256_hex("the one before"),
        sha256_hex(SECRET)
    ));
    let broker = setup.start().await;
    let types = send(&broker, "GET", "/v1/revocable_token_types", SECRET, &Value::Null).await;
    assert_eq!(types.status, 200, "{}", types.text);
    let types = types.json()["types"].clone();
    assert!(types.as_array().expect("a list").contains(&json!("gitleaks_rule_id_trustmint_pypi")), "{types}");

    let mint = async |run: &str| {
        broker.exchange(&issuer.id_token_with(AUDIENCE, &json!({ "run_id": run }))).await.token()
    };
    let record = |token: &str, kind: &str| json!({ "type": kind, "token": token, "location": "https://gitlab.example/acme/leaky/-/blob/main/.env#L2" });
    let (first, sibling) = (mint("1").await, mint("1").await);
    let ours = "gitleaks_rule_id_trustmint_pypi";
    let body = json!([record("glpat-x", "gitleaks_rule_id_gitlab_pat"), record(&first, ours), 7]);
    for stranger in ["", "wrong", "Bearer gitlab-s-own-secret-of-the-tests"] {
        let reply = send(&broker, "POST", "/v1/revoke_tokens", stranger, &body).await;
        assert_eq!(reply.status, 401, "{stranger}");
        assert_eq!(send(&broker, "GET", "/v1/revocable_token_types", stranger, &body).await.status, 401);
    }
    assert!(broker.is_active(&first).await);
    for _ in 0..2 {
        let reply = send(&broker, "POST", "/v1/revoke_tokens", SECRET, &body).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
        assert!(!broker.is_active(&first).await && !broker.is_active(&sibling).await);
    }
    broker
        .until("both are recorded", async || {
            let leaked = broker.audit().into_iter().filter(|event| event["outcome"] == "leaked");
            leaked.filter(|event| event["reporter"] == "our-gitlab").count() == 2
        })
        .await;
    let found = broker.audit().into_iter().find(|event| event["outcome"] == "leaked").expect("an event");
    assert!(found["found_at"].as_str().expect("where").ends_with("#L2"), "{found}");

    // GitLab asks no more after a 400; but a token is a token, whatever its type is called.
    let other = mint("2").await;
    let body = json!([record(&other, "gitleaks_rule_id_something_else")]);
    assert_eq!(send(&broker, "POST", "/v1/revoke_tokens", SECRET, &body).await.status, 400);
    assert!(!broker.is_active(&other).await);
    assert_eq!(send(&broker, "POST", "/v1/revoke_tokens", SECRET, &json!([])).await.status, 204);
    assert_eq!(send(&broker, "POST", "/leaks/our-gitlab", SECRET, &json!([])).await.status, 204);
    assert_eq!(send(&broker, "POST", "/leaks/our-gitlab", "wrong", &json!([])).await.status, 401);
    for body in [json!({}), json!("x")] {
        assert_eq!(send(&broker, "POST", "/v1/revoke_tokens", SECRET, &body).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reporter_address_takes_that_reporter_secret_only() {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer);
    let reporters = [("our-gitlab", SECRET), ("their-gitlab", "their-own-secret-of-the-tests")];
    for (name, secret) in reporters {
        setup.registries.push_str(&format!(
            "\n[reporters.{name}]\nkind = \"gitlab-revocation\"\nsecret_sha256 = [\"{}\"]\n",
            sha256_hex(secret)
        ));
    }
    let broker = setup.start().await;
    for ((name, secret), (other, others_secret)) in
        [(reporters[0], reporters[1]), (reporters[1], reporters[0])]
    {
        let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
        let body = json!([{ "type": "gitleaks_rule_id_trustmint_pypi", "token": token, "location": name }]);
        let address = format!("/leaks/{name}");
        let reply = send(&broker, "POST", &address, others_secret, &body).await;
        assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (401, "unauthenticated"), "{other}");
        assert!(broker.is_active(&token).await, "{name} got a report with the secret of {other}");
        assert_eq!(send(&broker, "POST", &address, secret, &body).await.status, 204, "{name}");
        assert!(!broker.is_active(&token).await);
    }
    // Where the address is anyone's, the secret tells which of them it is.
    for (name, secret) in reporters {
        assert_eq!(send(&broker, "POST", "/v1/revoke_tokens", secret, &json!([])).await.status, 204);
        let series = format!("trustmint_leak_reports_total{{reporter=\"{name}\",outcome=\"taken\"}}");
        assert_eq!(broker.metric(&series).await, 2, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_routes_need_a_configured_reporter() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    for (method, path) in [("GET", "/v1/revocable_token_types"), ("POST", "/v1/revoke_tokens")] {
        assert_eq!(send(&broker, method, path, SECRET, &json!([])).await.status, 401, "{path}");
    }
}
