//! A policy edit is all or nothing, and what it takes away is dead at once.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::Value;
use trustmint_tests::broker::{AUDIENCE, BrokerProcess, POLICY};
use trustmint_tests::{Issuer, Setup};

async fn digest(broker: &BrokerProcess) -> String {
    let ready = broker.send(broker.http().get(format!("{}/readyz", broker.ops))).await.json();
    ready["digest"].as_str().expect("a digest").to_owned()
}

fn write(broker: &BrokerProcess, text: &str) {
    fs::write(broker.folder.path().join("policies/widget.toml"), text).expect("policy");
    broker.signal("HUP");
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_edit_is_all_or_nothing() {
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

/// The release job of `acme/widget` may publish this package.
fn granting(id: &str, package: &str) -> String {
    POLICY.replace("widget-release", id).replace("\"widget\", \"Widget.Extras\"", &format!("\"{package}\""))
}

async fn scope(broker: &BrokerProcess, issuer: &Issuer) -> String {
    let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    reply.json()["scope"].as_str().unwrap_or_default().replace("package:", "").replace(":publish,create", "")
}

/// The longest until an edit is active, which docs/operations.md promises.
const DEADLINE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_edit_is_active_within_two_seconds() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    let folder = broker.folder.path().join("policies");
    let active = async |what: &str, expected: &str| {
        let begun = Instant::now();
        broker.until(what, || async { scope(&broker, &issuer).await == expected }).await;
        assert!(begun.elapsed() < DEADLINE, "{what}: {:?}", begun.elapsed());
    };
    fs::write(folder.join("widget.toml"), granting("a", "in-place")).expect("written");
    active("written in place", "in-place").await;

    fs::write(broker.folder.path().join("new"), granting("a", "renamed")).expect("written");
    fs::rename(broker.folder.path().join("new"), folder.join("widget.toml")).expect("renamed");
    active("renamed into place", "renamed").await;

    fs::create_dir_all(folder.join("teams/data")).expect("folder");
    fs::write(folder.join("teams/data/b.toml"), granting("b", "added")).expect("written");
    active("a file in a new folder", "added renamed").await;

    fs::remove_dir_all(folder.join("teams")).expect("removed");
    active("a folder removed", "renamed").await;

    // As Kubernetes mounts a ConfigMap: the files are links through `..data`, which is replaced.
    for (version, text) in [("..1", granting("a", "first")), ("..2", granting("a", "second"))] {
        fs::create_dir(folder.join(version)).expect("folder");
        fs::write(folder.join(version).join("widget.toml"), text).expect("written");
    }
    symlink("..1", folder.join("..data")).expect("link");
    fs::remove_file(folder.join("widget.toml")).expect("removed");
    symlink("..data/widget.toml", folder.join("widget.toml")).expect("link");
    active("links", "first").await;
    symlink("..2", folder.join("..new")).expect("link");
    fs::rename(folder.join("..new"), folder.join("..data")).expect("swapped");
    active("a link that was swapped", "second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_error_is_logged_once_and_last_good_stays() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).reload("poll = \"100ms\"\n").start().await;
    let file = broker.folder.path().join("policies/widget.toml");
    let ready = || async {
        let reply = broker.send(broker.http().get(format!("{}/readyz", broker.ops))).await;
        assert_eq!(reply.status, 200);
        reply.json()
    };
    let first = ready().await;
    assert_eq!(first["policies_refused"], Value::Null);
    let reloads = |result: &str| format!("trustmint_policy_reloads_total{{result=\"{result}\"}}");

    fs::write(&file, format!("{POLICY}\ncolour = \"blue\"\n")).expect("written");
    broker.until("it is refused", || async { !ready().await["policies_refused"].is_null() }).await;
    let refused = ready().await;
    assert_eq!(refused["digest"], first["digest"]);
    assert_eq!(refused["policies_active_since"], first["policies_active_since"]);
    assert_eq!(refused["policies_refused"]["findings"], 1);
    let what = refused["policies_refused"]["first"].as_str().expect("text");
    assert!(what.contains("widget.toml") && what.contains("colour"), "{what}");
    assert_eq!(broker.metric("trustmint_policies_refused").await, 1);

    // A file that says the same in another way is read again, and not told again.
    fs::write(&file, format!("{POLICY}\ncolour = \"green\"\n")).expect("written");
    broker.until("read again", || async { broker.metric(&reloads("refused")).await == 2 }).await;
    assert_eq!(ready().await["policies_refused"]["since"], refused["policies_refused"]["since"]);
    assert_eq!(broker.log().matches("the last good ones stay").count(), 1, "{}", broker.log());

    // What was wrong is fixed; the same policies under another name of file are not news.
    fs::write(file.with_file_name("other.toml"), POLICY).expect("written");
    fs::remove_file(&file).expect("removed");
    broker.until("it is fixed", || async { ready().await["policies_refused"].is_null() }).await;
    assert_eq!(ready().await["digest"], first["digest"]);
    assert_eq!(broker.metric("trustmint_policies_refused").await, 0);
    assert_eq!(broker.metric(&reloads("unchanged")).await, 1);
    assert!(broker.metric("trustmint_policies_loaded_timestamp_seconds").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads_without_polling() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).reload("poll = \"0s\"\n").start().await;
    write(&broker, &granting("a", "signalled"));
    broker.until("it is read", || async { scope(&broker, &issuer).await == "signalled" }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_folder_removes_no_deny() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    let folder = broker.folder.path();
    fs::create_dir(folder.join("mounted")).expect("folder");
    fs::write(folder.join("mounted/d.toml"), "[[deny]]\nregistry = \"pypi\"\n").expect("deny");
    symlink("../mounted", folder.join("policies/denies")).expect("link");
    broker.signal("HUP");
    let denied = async || broker.exchange(&issuer.id_token(AUDIENCE)).await.reason() == "denied_by_policy";
    broker.until("the deny is active", denied).await;

    fs::rename(folder.join("mounted"), folder.join("gone")).expect("renamed");
    broker.signal("HUP");
    broker.until("it is told", async || broker.log().contains("policies/denies: No such file")).await;
    assert!(denied().await, "what cannot be read could be a deny");
}

#[tokio::test(flavor = "multi_thread")]
async fn link_to_a_non_file_does_not_stop_reload() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    let first = digest(&broker).await;
    let link = broker.folder.path().join("policies/p.toml");
    symlink("/dev/stdout", &link).expect("link");
    broker.signal("HUP");
    broker.until("it is told", async || broker.log().contains("it is not a regular file")).await;
    fs::remove_file(link).expect("removed");
    write(&broker, &format!("{POLICY}\n{}", POLICY.replace("widget-release", "other")));
    broker.until("the next edit is active", async || digest(&broker).await != first).await;
}
