//! Ten thousand edits, half of them broken, while jobs exchange and registries ask.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use trustmint_tests::broker::{AUDIENCE, POLICY};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

/// Edits come in bursts, as a deployment's do; the last of a burst is whole.
const BURSTS: usize = 100;
const EDITS_IN_A_BURST: usize = 100;

fn granting(id: &str, package: &str) -> String {
    POLICY.replace("widget-release", id).replace("\"widget\", \"Widget.Extras\"", &format!("\"{package}\""))
}

/// A policy that is half there: it must not grant what is left of it.
fn broken(id: &str) -> String {
    let whole = granting(id, "broken");
    whole[..whole.find("48124571").expect("its pin")].to_owned()
}

/// The folder as it is edited: one file by itself, and two that are replaced together by a link.
struct Folder {
    policies: PathBuf,
    edits: usize,
    /// What the whole files say at the end of a burst: versions of the file and of the pair.
    said: [usize; 2],
}

impl Folder {
    fn new(root: &Path) -> Self {
        let policies = root.join("policies");
        for name in ["left", "right"] {
            symlink(format!("..data/{name}.toml"), policies.join(format!("{name}.toml"))).expect("link");
        }
        Self { policies, edits: 0, said: [0, 0] }
    }

    /// An edit in the middle of a burst; every second is broken.
    fn edit(&mut self) {
        self.edits += 1;
        let (whole, version) = (self.edits.is_multiple_of(2), self.edits / 4 % 2);
        if (self.edits / 2).is_multiple_of(2) {
            let text = if whole { granting("alone", &format!("alone-{version}")) } else { broken("alone") };
            self.write(&text);
        } else {
            self.swap(version, whole);
        }
    }

    /// The last edits of a burst: all files are whole, and do not say what they said after the one before.
    fn finish(&mut self, burst: usize) {
        self.said[burst % 2] = 1 - self.said[burst % 2];
        self.edits += 1;
        self.write(&granting("alone", &format!("alone-{}", self.said[0])));
        self.edits += 1;
        self.swap(self.said[1], true);
    }

    /// In place, or renamed into place.
    fn write(&self, text: &str) {
        let in_place = self.edits.is_multiple_of(3);
        let file = self.policies.join("alone.toml");
        let written = if in_place { file.clone() } else { self.policies.join(".alone") };
        fs::write(&written, text).expect("written");
        if !in_place {
            fs::rename(written, file).expect("renamed");
        }
    }

    /// As Kubernetes replaces a ConfigMap: a new folder, and a link that is swapped.
    fn swap(&self, version: usize, whole: bool) {
        let folder = format!("..{}", self.edits);
        let path = self.policies.join(&folder);
        fs::create_dir(&path).expect("folder");
        fs::write(path.join("left.toml"), granting("left", &format!("left-{version}"))).expect("written");
        let right = granting("right", &format!("right-{version}"));
        let right = if whole { right } else { broken("right") };
        fs::write(path.join("right.toml"), right).expect("written");
        let link = self.policies.join("..data");
        let before = fs::read_link(&link).ok();
        symlink(&folder, self.policies.join("..new")).expect("link");
        fs::rename(self.policies.join("..new"), &link).expect("swapped");
        if let Some(before) = before {
            fs::remove_dir_all(self.policies.join(before)).expect("removed");
        }
    }

    /// The scope that the whole files grant.
    fn granted(&self) -> String {
        scope(self.said[0], self.said[1])
    }
}

fn scope(alone: usize, pair: usize) -> String {
    format!("alone-{alone} left-{pair} right-{pair}")
}

/// What a job gets; anything but a grant is a failure.
async fn exchanged(broker: &BrokerProcess, id_token: &str) -> (String, String) {
    let reply = broker.exchange(id_token).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let scope = reply.json()["scope"].as_str().expect("a scope").to_owned();
    (reply.token(), scope.replace("package:", "").replace(":publish,create", ""))
}

/// Exchanges and asks until it is told to stop; every answer is of one set of policies, whole.
async fn load(
    broker: Arc<BrokerProcess>,
    issuer: Arc<Issuer>,
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
) {
    let valid: BTreeSet<_> = (0..4).map(|n| scope(n / 2, n % 2)).collect();
    while !stop.load(Ordering::Relaxed) {
        let (token, scope) = exchanged(&broker, &issuer.id_token(AUDIENCE)).await;
        assert!(valid.contains(&scope), "{scope}");
        for _ in 0..4 {
            let reply = broker.introspect(&token).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            let seen = reply.json();
            let seen = (seen["active"].as_bool().expect("active"), seen["scope"].as_str().map(str::to_owned));
            // Alive with all of its scope, or dead because another set of policies is active.
            assert!(seen.0 == seen.1.is_some(), "{seen:?}");
            answers.fetch_add(1, Ordering::Relaxed);
        }
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_under_load_show_no_mixed_snapshot() {
    let issuer = Arc::new(Issuer::start().await);
    let mut setup = Setup::new(&issuer).reload("poll = \"100ms\"\n");
    setup.policies = vec![("alone.toml".to_owned(), granting("alone", "alone-0"))];
    setup.log_level = "info".to_owned();
    let broker = Arc::new(setup.start().await);
    let mut folder = Folder::new(broker.folder.path());
    folder.swap(0, true);
    let becomes = async |expected: &str| {
        broker
            .until(expected, || async { exchanged(&broker, &issuer.id_token(AUDIENCE)).await.1 == expected })
            .await;
    };
    becomes(&folder.granted()).await;

    let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..2)
        .map(|_| {
            tokio::spawn(load(
                Arc::clone(&broker),
                Arc::clone(&issuer),
                Arc::clone(&stop),
                Arc::clone(&answers),
            ))
        })
        .collect();
    let loaded = "trustmint_policy_reloads_total{result=\"loaded\"}";
    let before = broker.metric(loaded).await;
    for burst in 0..BURSTS {
        let (token, _) = exchanged(&broker, &issuer.id_token(AUDIENCE)).await;
        for edit in 3..=EDITS_IN_A_BURST {
            folder.edit();
            // Every second burst is signalled in its middle too; the other is left to the polling.
            if burst % 2 == 0 && edit.is_multiple_of(25) {
                broker.signal("HUP");
            }
        }
        folder.finish(burst);
        becomes(&folder.granted()).await;
        assert!(!broker.is_active(&token).await, "it was for a package that no one grants any more");
    }
    stop.store(true, Ordering::Relaxed);
    for worker in load {
        worker.await.expect("every answer was right");
    }
    assert_eq!(folder.edits, 10_000);
    let activated = broker.metric(loaded).await - before;
    assert!(activated >= BURSTS as u64, "{activated} snapshots");
    let answers = answers.load(Ordering::Relaxed);
    assert!(answers > 1000, "only {answers} answers");
}
