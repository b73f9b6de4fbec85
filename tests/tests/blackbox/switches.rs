//! Cut-offs and suspensions: kill, suspend, resume; on both stores, with two brokers, from the shell.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trustmint_tests::broker::{ADMIN_TOKEN, AUDIENCE, run};
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::{BrokerProcess, Issuer, Setup};

/// A token and the run it was minted for.
async fn minted(broker: &BrokerProcess, issuer: &Issuer) -> (String, String) {
    let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let is_minted = |event: &&Value| event["outcome"] == "minted";
    let token = reply.token();
    let id = broker.introspect(&token).await.json()["jti"].clone();
    broker
        .until("its event is written", || async {
            broker.audit().iter().filter(is_minted).any(|event| event["token_id"] == id)
        })
        .await;
    let event = broker.audit().into_iter().find(|event| event["token_id"] == id).expect("its event");
    (token, event["run"].as_str().expect("a run").to_owned())
}

/// The longest until a cut-off is in force on another broker. Brokers read the cut-offs once a second; half a
/// second is for the read itself and for a busy machine.
const DEADLINE: Duration = Duration::from_millis(1500);

/// Waits until a token is dead on a broker that did not throw the switch: about a second.
async fn dies_within_about_a_second(broker: &BrokerProcess, token: &str) {
    let begun = Instant::now();
    broker.until("the switch is in force", || async { !broker.is_active(token).await }).await;
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
}

/// Throws every switch on the first broker and looks at all of them.
async fn every_switch_works(brokers: &[&BrokerProcess], issuer: &Issuer) {
    let (here, elsewhere) = (brokers[0], brokers[brokers.len() - 1]);
    let (bystander, _) = minted(here, issuer).await;
    for field in ["run", "repository", "repository", "policy", "registry", "issuer"] {
        let (token, run) = minted(here, issuer).await;
        let (value, stranger) = match field {
            "run" => (run.as_str(), "github|9100048|48124571|1"),
            "repository" if brokers.len() > 1 => ("48124571", "48124572"),
            "repository" => ("Acme/Widget", "acme/widgets"),
            "policy" => ("widget-release", "widget-releas"),
            "registry" => ("pypi", "npm"),
            _ => ("github", "gitlab"),
        };
        // A cut-off about someone else, alone or in part.
        let mut others = vec![json!({ field: stranger })];
        for (other, value_of_other) in [("registry", "npm"), ("issuer", "gitlab")] {
            if other != field {
                others.push(json!({ field: value, other: value_of_other }));
            }
        }
        for selector in &others {
            assert_eq!(here.admin("/revoke", selector).await.status, 204);
            assert!(here.is_active(&token).await, "{selector} is about someone else");
        }
        let selector = json!({ field: value });

        // Kill: what was minted is dead, what is minted from now on lives.
        assert_eq!(here.admin("/revoke", &selector).await.status, 204);
        assert!(!here.is_active(&token).await, "{selector} is in force here at once");
        dies_within_about_a_second(elsewhere, &token).await;
        assert_eq!(here.is_active(&bystander).await, field == "run", "{selector}");
        let (second, second_run) = minted(here, issuer).await;
        assert!(here.is_active(&second).await && elsewhere.is_active(&second).await);

        // Suspend: nothing lives, nothing is minted.
        let selector = if field == "run" { json!({ "run": second_run }) } else { selector };
        let same_run = |run: &str| {
            let id = run.rsplit('|').next().expect("an id").to_owned();
            issuer.id_token_with(AUDIENCE, &json!({ "run_id": id }))
        };
        assert_eq!(here.admin("/suspend", &selector).await.status, 204);
        assert!(!here.is_active(&second).await);
        dies_within_about_a_second(elsewhere, &second).await;
        for broker in brokers {
            let reply = broker.exchange(&same_run(&second_run)).await;
            assert_eq!(
                (reply.status.as_u16(), reply.reason().as_str()),
                (400, "suspended"),
                "{}",
                reply.text
            );
        }
        let listed =
            here.send(here.http().get(format!("{}/cut-offs", here.admin)).bearer_auth(ADMIN_TOKEN)).await;
        let listed = listed.json();
        let ours = listed.as_array().expect("a list").iter().find(|cut_off| cut_off["selector"] == selector);
        assert_eq!(ours.expect("listed")["until_ms"], Value::Null);

        // Resume: what it killed stays dead; what is minted from now on lives.
        assert_eq!(here.admin("/resume", &selector).await.status, 204);
        for broker in [elsewhere, here] {
            broker
                .until("minting is resumed", || async {
                    broker.exchange(&same_run(&second_run)).await.status == 200
                })
                .await;
            assert!(!broker.is_active(&token).await && !broker.is_active(&second).await);
            let (third, _) = minted(broker, issuer).await;
            assert!(broker.is_active(&third).await);
        }
    }
    let switched = here.audit().iter().filter(|event| event["outcome"] == "switched").count();
    assert_eq!(switched, 6 * 3 + 4 * 3 + 2 * 2, "an event for each switch");
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_offs_survive_a_crash_on_embedded_store() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    every_switch_works(&[&broker], &issuer).await;
    let (token, _) = minted(&broker, &issuer).await;
    assert_eq!(broker.admin("/suspend", &json!({ "registry": "pypi" })).await.status, 204);
    let broker = broker.crash_and_restart().await;
    assert!(!broker.is_active(&token).await);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.reason(), "suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_offs_apply_to_two_brokers_on_redis() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::start();
    let here = Setup::new(&issuer).store_url(&redis.url()).start().await;
    let elsewhere = Setup::new(&issuer).store_url(&redis.url()).start().await;
    every_switch_works(&[&here, &elsewhere], &issuer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cli_revokes_suspends_and_resumes() {
    let issuer = Issuer::start().await;
    let mut broker = Setup::new(&issuer).start().await;
    let folder = broker.folder.path().to_owned();
    let config = std::fs::read_to_string(folder.join("trustmint.toml")).expect("configuration");
    let address = broker.admin.trim_start_matches("http://").to_owned();
    let named = config.replace("admin = \"127.0.0.1:0\"", &format!("admin = \"{address}\""));
    assert_ne!(named, config);
    std::fs::write(folder.join("shell.toml"), &named).expect("configuration");
    let shell = |arguments: &[&str]| run(&folder, &[arguments, &["--config", "shell.toml"]].concat());

    let (token, _) = minted(&broker, &issuer).await;
    let (code, said, _) = shell(&["revoke", "--repository", "acme/widget"]);
    assert_eq!((code, said.contains("revoked")), (0, true), "{said}");
    assert!(!broker.is_active(&token).await);

    let (token, _) = minted(&broker, &issuer).await;
    assert_eq!(shell(&["suspend", "--issuer", "github"]).0, 0);
    assert!(!broker.is_active(&token).await);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.reason(), "suspended");
    assert_eq!(shell(&["resume", "--issuer", "github"]).0, 0);
    assert!(!broker.is_active(&token).await);
    minted(&broker, &issuer).await;

    assert_eq!(shell(&["revoke"]).0, 2, "everything at once is nothing one means");
    for (slip, complaint) in [
        (["revoke", "--registry", "pypl"], "no registry \"pypl\"; it has: pypi"),
        (["revoke", "--issuer", "githup"], "no issuer \"githup\"; it has: github"),
        (["revoke", "--policy", ""], "--policy is empty"),
        (["resume", "--run", " "], "--run is empty"),
    ] {
        let (code, said, complained) = shell(&slip);
        assert_eq!((code, said.as_str()), (2, ""), "{slip:?}");
        assert!(complained.contains(complaint), "{slip:?}: {complained}");
    }
    let (code, said, complained) = shell(&["resume", "--policy", "widget-releas"]);
    assert_eq!((code, said.as_str()), (1, ""), "{complained}");
    assert!(complained.contains("no suspension has exactly this selector"), "{complained}");

    assert_eq!(shell(&["suspend", "--policy", "widget-release", "--registry", "pypi"]).0, 0);
    let (code, said, _) = shell(&["revoke", "--list"]);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!((code, lines[0]), (0, "suspended --registry \"pypi\" --policy \"widget-release\""), "{said}");
    let killed = lines.iter().find(|line| line.ends_with("Z --repository \"acme/widget\""));
    assert!(killed.is_some_and(|line| line.starts_with("revoked, if minted by 20")), "{said}");
    assert_eq!(shell(&["revoke", "--list", "--issuer", "github"]).0, 2);
    std::fs::write(folder.join("admin-token"), "another\n").expect("file");
    let (code, said, complained) = shell(&["revoke", "--issuer", "github"]);
    assert_eq!((code, said.as_str()), (1, ""), "{complained}");
    broker.kill();
    let (code, said, complained) = shell(&["revoke", "--issuer", "github"]);
    assert_eq!((code, said.as_str()), (3, ""), "{complained}");
}
