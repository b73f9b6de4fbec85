//! A token lives no longer than the policies that contributed to it, also across a restart; and a denial tells
//! the owner everything and strangers nothing.

use serde_json::json;
use trustmint_tests::broker::{AUDIENCE, POLICY};
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::{BrokerProcess, Issuer, Setup, attack, keys};

/// Another team's, with values that no one else may learn.
const OTHERS: &str = r#"
[[policy]]
id       = "secret-project"
issuer   = "github"
registry = "pypi"
packages = ["unreleased"]
actions  = ["publish"]
match    = { repository_owner_id = "777", repository_id = "888", environment = "vault" }
"#;

async fn restarted_with(broker: BrokerProcess, files: &[(&str, &str)]) -> BrokerProcess {
    let folder = broker.folder.path().join("policies");
    for entry in std::fs::read_dir(&folder).expect("folder") {
        std::fs::remove_file(entry.expect("an entry").path()).expect("removed");
    }
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("policy");
    }
    broker.restart().await
}

#[tokio::test(flavor = "multi_thread")]
async fn token_ends_when_its_policy_is_removed() {
    let issuer = Issuer::start().await;
    let mut broker = Setup::new(&issuer).policies(&format!("{POLICY}{OTHERS}")).start().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    assert!(broker.is_active(&token).await);

    let widened = POLICY.replace("[\"publish\", \"create\"]", "[\"publish\", \"create\", \"yank\"]");
    let narrowed = POLICY.replace("\"widget\", ", "");
    let fewer_actions = POLICY.replace("[\"publish\", \"create\"]", "[\"publish\"]");
    let elsewhere = POLICY.replace("environment         = \"pypi\"", "environment         = \"staging\"");
    let denied = format!("{POLICY}\n[[policy.deny]]\nactor = \"octocat\"\n");
    let banned = format!("{POLICY}\n[[deny]]\nregistry = \"pypi\"\npackages = [\"widget\"]\n");
    let renamed = POLICY.replace("widget-release", "another-name");
    let odd = POLICY.replace("\"Widget.Extras\"", "\"widget_extras\"");
    for (what, files, active) in [
        ("another file name", vec![("z.toml", POLICY), ("b.toml", OTHERS)], true),
        ("another team's policy is gone", vec![("p.toml", POLICY)], true),
        (
            "another team's policy is edited",
            vec![("p.toml", POLICY), ("o.toml", &OTHERS.replace("888", "889"))],
            true,
        ),
        ("another spelling", vec![("p.toml", odd.as_str())], true),
        ("another id", vec![("p.toml", renamed.as_str())], true),
        ("widened", vec![("p.toml", widened.as_str())], true),
        ("narrowed by a package", vec![("p.toml", narrowed.as_str())], false),
        ("narrowed by an action", vec![("p.toml", fewer_actions.as_str())], false),
        ("about another environment", vec![("p.toml", elsewhere.as_str())], false),
        ("with a deny of its own", vec![("p.toml", denied.as_str())], false),
        ("with a deny above it", vec![("p.toml", banned.as_str())], false),
        ("removed", vec![("o.toml", OTHERS)], false),
        ("nothing left", vec![], false),
        // A re-decision is never written back.
        ("as it was", vec![("p.toml", POLICY), ("o.toml", OTHERS)], true),
    ] {
        broker = restarted_with(broker, &files).await;
        assert_eq!(broker.is_active(&token).await, active, "{what}");
    }
}

/// A restart with another configuration and other policies.
async fn restarted_as(broker: BrokerProcess, setup: &Setup) -> BrokerProcess {
    setup.write(broker.folder.path());
    broker.restart().await
}

#[tokio::test(flavor = "multi_thread")]
async fn token_ends_when_its_issuer_is_removed() {
    let issuer = Issuer::start().await;
    let usual = Setup::new(&issuer);
    let broker = usual.clone().start().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    assert!(broker.is_active(&token).await);

    // Another issuer stays, and with it a policy: policies may name configured issuers only.
    let farm = attack::farm(&issuer, &keys::jwks([keys::rsa()]), &["RS256"]);
    let without = Setup { policies: vec![("widget.toml".to_owned(), farm.policies[0].1.clone())], ..farm };
    let broker = restarted_as(broker, &without).await;
    assert!(!broker.is_active(&token).await, "its issuer is removed");
    // Under another name it is another issuer, though its URL and its policies are the same.
    let mut renamed = usual.clone();
    renamed.issuers = renamed.issuers.replace("[issuers.github]", "[issuers.renamed]");
    renamed.policies[0].1 = POLICY.replace("\"github\"", "\"renamed\"");
    let broker = restarted_as(broker, &renamed).await;
    assert!(!broker.is_active(&token).await, "its issuer has another name");
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200, "which is trusted");
    let broker = restarted_as(broker, &usual).await;
    assert!(broker.is_active(&token).await, "its issuer is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_ends_when_its_identity_is_refused() {
    let issuer = Issuer::start().await;
    let usual = attack::farm(&issuer, &keys::jwks([keys::rsa()]), &["RS256"]);
    let broker = usual.clone().start().await;
    let token = broker.exchange(&attack::farm_token(keys::rsa())).await.token();
    assert!(broker.is_active(&token).await);

    // Identities must have a claim now that the token's has not.
    let mut stricter = usual.clone();
    stricter.issuers = stricter.issuers.replace("[\"sub\"]", "[\"sub\", \"team\"]");
    stricter.policies[0].1 =
        stricter.policies[0].1.replace("sub = \"job-1\"", "sub = \"job-1\", team = \"a\"");
    let broker = restarted_as(broker, &stricter).await;
    assert_eq!(broker.exchange(&attack::farm_token(keys::rsa())).await.reason(), "missing_claim");
    assert!(!broker.is_active(&token).await, "its identity is refused");
    let broker = restarted_as(broker, &usual).await;
    assert!(broker.is_active(&token).await, "its identity is accepted again");
}

#[tokio::test(flavor = "multi_thread")]
async fn allow_events_is_part_of_snapshot_digest() {
    let issuer = Issuer::start().await;
    let policy = format!("{POLICY}event_name = {{ present = true }}\n");
    let strict = Setup::new(&issuer).policies(&policy);
    let mut lenient = strict.clone();
    lenient.issuers.push_str("allow_events = [\"workflow_run\"]\n");
    let broker = lenient.clone().start().await;
    let digest = async |broker: &BrokerProcess| {
        let ready = broker.send(broker.http().get(format!("{}/readyz", broker.ops))).await.json();
        ready["digest"].as_str().expect("a digest").to_owned()
    };
    let allowed = digest(&broker).await;
    let id_token = || issuer.id_token_with(AUDIENCE, &json!({ "event_name": "workflow_run" }));
    let token = broker.exchange(&id_token()).await.token();
    assert!(broker.is_active(&token).await);

    // The policies are the same to the byte. Under the same digest, nothing would be decided again.
    let broker = restarted_as(broker, &strict).await;
    assert_ne!(digest(&broker).await, allowed);
    assert_eq!(broker.exchange(&id_token()).await.reason(), "dangerous_event");
    assert!(!broker.is_active(&token).await, "its event is no longer allowed");
    let broker = restarted_as(broker, &lenient).await;
    assert_eq!(digest(&broker).await, allowed);
    assert!(broker.is_active(&token).await, "its event is allowed again");
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_details_need_matching_pins() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).policies(&format!("{POLICY}{OTHERS}")).start().await;
    let denied = async |changes: serde_json::Value| {
        let reply = broker.exchange(&issuer.id_token_with(AUDIENCE, &changes)).await;
        assert_eq!(reply.status, 400, "{}", reply.text);
        reply
    };
    // The owner's pins match: the claim, what came and what was expected.
    let owner = denied(json!({ "environment": "staging" })).await;
    assert_eq!(
        owner.json(),
        json!({
            "error": "invalid_request",
            "error_description": "claim `environment` does not match: expected 'pypi', received 'staging'",
            "error_uri": "https://publish.example.com/errors/claim_mismatch",
            "reason": "claim_mismatch", "claim": "environment", "received": "staging", "expected": ["pypi"],
        })
    );
    let absent = denied(json!({ "environment": null })).await.json();
    assert_eq!((&absent["claim"], &absent["received"]), (&json!("environment"), &json!(null)));

    // A stranger gets the same answer whether a policy comes near or not, but for its own ids.
    let answers = [
        denied(json!({ "repository_id": "888" })).await,
        denied(json!({ "repository_owner_id": "777" })).await,
        denied(json!({ "repository_id": "1", "repository_owner_id": "2", "environment": "vault" })).await,
    ];
    for (reply, (owner, repository)) in
        answers.iter().zip([("9100048", "888"), ("777", "48124571"), ("2", "1")])
    {
        let expected = json!({
            "error": "invalid_request",
            "error_description": format!(
                "no policy of registry 'pypi' is about an identity with \
                 repository_owner_id = '{owner}', repository_id = '{repository}'"
            ),
            "error_uri": "https://publish.example.com/errors/no_matching_policy",
            "reason": "no_matching_policy",
        });
        assert_eq!(reply.json(), expected);
    }
    for reply in answers.iter().chain([&owner]) {
        for secret in ["secret-project", "unreleased", "vault", "widget-release"] {
            assert!(!reply.text.contains(secret), "{secret}: {}", reply.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mint_during_policy_removal_is_inactive() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::start();
    let setup = Setup::new(&issuer).store_url(&redis.url()).limits("store_timeout = \"1900ms\"\n");
    let broker = setup.policies(&format!("{POLICY}{OTHERS}")).start().await;
    broker.exchange(&issuer.id_token(AUDIENCE)).await.token();

    // Decided under the old policies, and stored when the new ones are active.
    redis.signal("STOP");
    let request = broker.exchange_request(&issuer.id_token(AUDIENCE));
    let checks = broker.signature_checks().await;
    let under_way = tokio::spawn(request.send());
    broker.until("it is under way", || async { broker.signature_checks().await > checks }).await;
    std::fs::write(broker.folder.path().join("policies/policies.toml"), OTHERS).expect("policy");
    broker.signal("HUP");
    broker.until("the edit is active", || async { broker.metric("trustmint_policies").await == 1 }).await;
    redis.signal("CONT");
    let minted = under_way.await.expect("no panic").expect("an answer");
    assert_eq!(minted.status(), 200);
    let minted: serde_json::Value = minted.json().await.expect("JSON");
    let token = minted["access_token"].as_str().expect("a token").to_owned();
    assert!(!broker.is_active(&token).await);
    let broker = broker.restart().await;
    assert!(!broker.is_active(&token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_minted_during_an_edit_do_not_outlive_it() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).policies(&format!("{POLICY}{OTHERS}")).start().await;
    let requests: Vec<_> = (0..300).map(|_| broker.exchange_request(&issuer.id_token(AUDIENCE))).collect();
    let (first, rest) = {
        let mut requests = requests.into_iter();
        (requests.next().expect("a request"), requests)
    };
    let mut tokens = vec![broker.send(first).await.token()];
    std::fs::write(broker.folder.path().join("policies/policies.toml"), OTHERS).expect("policy");
    broker.signal("HUP");
    let mut denied = false;
    for request in rest {
        let reply = broker.send(request).await;
        denied = reply.status != 200;
        if denied {
            assert_eq!(reply.reason(), "no_matching_policy");
            break;
        }
        tokens.push(reply.token());
    }
    if !denied {
        broker.until("the edit is active", || async { broker.metric("trustmint_policies").await == 1 }).await;
    }
    for token in &tokens {
        assert!(!broker.is_active(token).await);
    }
    let broker = broker.restart().await;
    for token in &tokens {
        assert!(!broker.is_active(token).await);
    }
}
