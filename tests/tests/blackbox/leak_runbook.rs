//! The runbook, followed: from the message to the run, and back to publishing.

use serde_json::{Value, json};
use trustmint_tests::broker::{AUDIENCE, binary};
use trustmint_tests::inbox::Inbox;
use trustmint_tests::reporter::{ReporterKey, labels, report, with_keys_file};
use trustmint_tests::shell::shell;
use trustmint_tests::{BrokerProcess, Issuer, Setup};

/// The commands that the page shows, in their order.
fn commands() -> Vec<String> {
    let page = include_str!("../../../docs/leak-runbook.md");
    let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect()
}

/// Runs a command of the page as the operator does, with the run, the subject and the token of this leak.
fn follow(broker: &BrokerProcess, command: &str, publisher: &Value, found: &str) -> String {
    let (run, subject) =
        (publisher["run"].as_str().expect("run"), publisher["subject"].as_str().expect("who"));
    let command = command
        .replace("github|9100048|48124571|77", run)
        .replace("\"github|9100048|48124571\"", &format!("{subject:?}"))
        .replace("3f9c0b5e6a1d4872b0c9e8f7a6d5c4b3", found)
        .replace("trustmint ", &format!("{} ", binary().display()));
    shell(broker.folder.path(), &command, &[("TRUSTMINT_CONFIG", "admin.toml")])
}

#[tokio::test(flavor = "multi_thread")]
async fn runbook_commands_lead_from_alert_to_resume() {
    let (issuer, key, inbox) = (Issuer::start().await, ReporterKey::new(), Inbox::start().await);
    let mut setup = with_keys_file(Setup::new(&issuer).suspending_on_leak(), [&key]);
    setup.registries.push_str(&inbox.section("security", ""));
    setup.files.extend(inbox.files("security"));
    let broker = setup.start().await;
    let address = broker.admin.replace("http://", "");
    let config = std::fs::read_to_string(broker.folder.path().join("trustmint.toml")).expect("configuration");
    let config = config.replace("admin = \"127.0.0.1:0\"", &format!("admin = \"{address}\""));
    std::fs::write(broker.folder.path().join("admin.toml"), config).expect("written");

    let of_run = issuer.id_token_with(AUDIENCE, &json!({ "run_id": "77" }));
    let token = broker.exchange(&of_run).await.token();
    assert_eq!(labels(&broker.leaks(&key, &report([token.as_str()])).await), ["true_positive"]);
    broker.until("the alert comes", async || !inbox.taken().is_empty()).await;
    let alert = inbox.taken().remove(0).json()["data"].clone();
    assert_eq!(alert["done"]["suspended_policies"], json!(["widget-release"]));
    assert!(alert["publisher"]["run_url"].as_str().expect("a URL").contains("/runs/77"));

    let again = async || broker.exchange(&issuer.id_token_with(AUDIENCE, &json!({ "run_id": "77" }))).await;
    let (mut resumed, mut found) = (None, String::new());
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:?}");
    for command in &commands {
        let said = follow(&broker, command, &alert["publisher"], &found);
        if command.starts_with("jq ") {
            assert!(said.contains("\"20"), "{command}: {said}");
            assert!(
                said.contains(if command.contains("leaked") { "reported_token" } else { "time" }),
                "{said}"
            );
        }
        if command.contains("inspect") {
            let (_, after) = said.split_once("token_id ").expect("the name of the token");
            found = after.split(',').next().expect("a name").to_owned();
        }
        if command.contains("suspend") && resumed.is_none() {
            assert_eq!(again().await.reason(), "suspended", "{command}");
        }
        if command.contains("resume") {
            // Once the last suspension ends, the job publishes again; someone sends what it leaks now.
            let reply = again().await;
            if reply.status == 200 {
                std::fs::write(broker.folder.path().join("found.txt"), reply.token()).expect("written");
                resumed = Some(reply.token());
            }
        }
    }
    assert!(!broker.is_active(&token).await, "what was killed stays dead");
    assert!(!broker.is_active(&resumed.expect("resumed")).await, "and what someone sent is");
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200, "while others publish");
}
