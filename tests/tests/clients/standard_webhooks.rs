//! A library of the Standard Webhooks' authors verifies a message about a leak.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::inbox::{Inbox, Message, SECRET};
use trustmint_tests::programs::tool;
use trustmint_tests::reporter::{ReporterKey, labels, report, with_keys_file};
use trustmint_tests::{Issuer, Setup};

/// Whether the library accepts this body under a message's headers, and what it prints.
fn verify(message: &Message, body: &str) -> (bool, String) {
    let code = "import sys, json, standardwebhooks\n\
                secret, headers, body = json.load(sys.stdin)\n\
                standardwebhooks.Webhook(secret).verify(body.encode(), headers)\n";
    let headers: Value = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .map(|name| (name.to_owned(), Value::from(message.header(name))))
        .into_iter()
        .collect();
    let mut python = Command::new(tool("standardwebhooks"))
        .args(["-c", code])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python");
    let input = json!([SECRET, headers, body]).to_string();
    python.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("written");
    let output = python.wait_with_output().expect("its end");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schemes_own_library_verifies_a_message() {
    let (issuer, key, inbox) = (Issuer::start().await, ReporterKey::new(), Inbox::start().await);
    let mut setup = with_keys_file(Setup::new(&issuer), [&key]);
    setup.registries.push_str(&inbox.section("security", ""));
    setup.files.extend(inbox.files("security"));
    let broker = setup.start().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    assert_eq!(labels(&broker.leaks(&key, &report([token.as_str()])).await), ["true_positive"]);
    broker.until("the message arrives", async || !inbox.taken().is_empty()).await;

    let message = inbox.taken().remove(0);
    let (fine, error) = verify(&message, &message.body);
    assert!(fine, "{error}");
    assert!(message.body.contains("widget"), "{}", message.body);
    let (fine, error) = verify(&message, &message.body.replace("widget", "wodget"));
    assert!(!fine && error.contains("WebhookVerificationError"), "{error}");
}
