//! The drill of the documentation: an operator's own report, signed by hand.

use serde_json::json;
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::inbox::Inbox;
use trustmint_tests::shell::shell;
use trustmint_tests::{Issuer, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn leak_drill_revokes_and_notifies() {
    let page = include_str!("../../../docs/leaks.md");
    let (_, script) = page.split_once("```sh\n").expect("the drill");
    let (script, _) = script.split_once("\n```").expect("its end");
    let (keys, report) = script.split_once("drill-keys.json\n").expect("keys come first");
    let folder = tempfile::tempdir().expect("folder");
    shell(folder.path(), &format!("{keys} drill-keys.json"), &[]);

    let (issuer, inbox) = (Issuer::start().await, Inbox::start().await);
    let mut setup = Setup::new(&issuer);
    setup.registries.push_str(
        "\n[reporters.our-scanner]\nkind = \"signed\"\nkey_id_header = \"Scanner-Key-Identifier\"\n\
         signature_header = \"Scanner-Signature\"\nkeys_file = \"drill-keys.json\"\n",
    );
    setup.registries.push_str(&inbox.section("security", ""));
    setup.files.extend(inbox.files("security"));
    let listed = std::fs::read_to_string(folder.path().join("drill-keys.json")).expect("keys");
    setup.files.push(("drill-keys.json".to_owned(), listed));
    let broker = setup.start().await;

    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    let report = report.replace("https://publish.example.com", &broker.public);
    let said = shell(folder.path(), &report, &[("TOKEN", token.as_str())]);
    assert!(said.contains("true_positive"), "{said}");
    assert!(!broker.is_active(&token).await);
    broker.until("the message comes", async || !inbox.taken().is_empty()).await;
    assert_eq!(inbox.taken()[0].json()["data"]["done"]["tokens"], json!("leaked"));
}
