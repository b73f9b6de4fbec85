//! A policy edit is all or nothing, and what it takes away is dead at once.

use trustmint_tests::broker::{AUDIENCE, Broker, POLICY};
use trustmint_tests::{Issuer, Setup};

async fn digest(broker: &Broker) -> String {
    let ready = broker.send(broker.http().get(format!("{}/readyz", broker.ops))).await.json();
    ready["digest"].as_str().expect("a digest").to_owned()
}

fn write(broker: &Broker, text: &str) {
    std::fs::write(broker.folder.path().join("policies/widget.toml"), text).expect("policy");
    broker.signal("HUP");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_edit_is_all_or_nothing() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    let first = digest(&broker).await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();

    // Half a file: the last good snapshot stays, and the log says what is wrong.
    write(&broker, &format!("{POLICY}\n[[policy]]\nid = \"half\"\n"));
    broker
        .until("the broken edit is noticed", || async { broker.log().contains("the last good ones stay") })
        .await;
    assert_eq!(digest(&broker).await, first);
    assert!(broker.is_active(&token).await);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200);

    // Another policy beside it changes the digest, and nothing for this token.
    write(
        &broker,
        &format!("{POLICY}\n{}", POLICY.replace("widget-release", "other").replace("48124571", "1")),
    );
    broker.until("the edit is active", || async { digest(&broker).await != first }).await;
    assert!(broker.is_active(&token).await);

    // A narrowed policy vouches for no token that needs more.
    let second = digest(&broker).await;
    write(&broker, &POLICY.replace(", \"Widget.Extras\"", ""));
    broker.until("the edit is active", || async { digest(&broker).await != second }).await;
    assert!(!broker.is_active(&token).await);
    let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    assert_eq!(reply.json()["scope"], "package:widget:publish,create");

    // And the old policy vouches for it again: a decision is never written back.
    write(&broker, POLICY);
    broker.until("the edit is active", || async { digest(&broker).await == first }).await;
    assert!(broker.is_active(&token).await);
}
