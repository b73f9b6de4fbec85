//! A secret never reaches a log, an error, a metric label or the disk; only its SHA-256 does.

use std::path::Path;

use serde_json::json;
use trustmint_tests::broker::{ADMIN_TOKEN, AUDIENCE, CLIENT, sha256_hex};
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::redis_topology::redis_cli;
use trustmint_tests::{BrokerProcess, Issuer, Setup, keys};

const REDIS_PASSWORD: &str = "redis-password-of-the-tests";

/// What must never be seen, each with a name for the failure.
#[derive(Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn id_token(&mut self, id_token: &str) -> String {
        let signature = id_token.rsplit('.').next().expect("a signature");
        self.0.push(("an ID token", id_token.to_owned()));
        self.0.push(("an ID token's signature", signature.to_owned()));
        id_token.to_owned()
    }

    fn are_nowhere_in(&self, place: &str, bytes: &[u8]) {
        for (what, secret) in &self.0 {
            assert!(!contains(bytes, secret.as_bytes()), "{what} is in {place}");
        }
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// Some of everything, good and bad. Returns the registry tokens, and all answers that hold none.
async fn a_busy_day(broker: &BrokerProcess, issuer: &Issuer, secrets: &mut Secrets) -> (Vec<String>, String) {
    let (mut tokens, mut answers) = (Vec::new(), String::new());
    for n in 0..6 {
        let id_token = secrets.id_token(&issuer.id_token(AUDIENCE));
        let reply = broker.exchange(&id_token).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let token = reply.token();
        assert!(broker.is_active(&token).await);
        answers += &broker.introspect(&token).await.text;
        answers += &broker.exchange(&id_token).await.text;
        if n % 2 == 0 {
            assert_eq!(broker.revoke(&token).await.status, 200);
            assert!(!broker.is_active(&token).await);
        }
        secrets.0.push(("a registry token", token.clone()));
        tokens.push(token);
    }
    let claims = trustmint_tests::github(&issuer.url, AUDIENCE);
    let refused = [
        keys::stranger().sign(&claims),
        issuer.id_token("another audience"),
        issuer.id_token_with(AUDIENCE, &json!({ "ref": "refs/heads/main" })),
        issuer.id_token_with(AUDIENCE, &json!({ "exp": 1 })),
        issuer.id_token_with(AUDIENCE, &json!({ "iss": "https://stranger.example" })),
    ];
    for id_token in refused {
        let reply = broker.exchange(&secrets.id_token(&id_token)).await;
        assert_eq!(reply.status, 400, "{}", reply.text);
        answers += &reply.text;
    }
    // Credentials in the wrong place, or almost right.
    let token = &tokens[1];
    let introspection = || broker.http().post(format!("{}/oauth/introspect", broker.public));
    for request in [
        introspection().basic_auth(CLIENT.0, Some("wrong")).form(&[("token", token)]),
        introspection().basic_auth(CLIENT.1, Some(CLIENT.0)).form(&[("token", token)]),
        introspection().form(&[("token", token)]),
        introspection().bearer_auth(token).form(&[("token", token)]),
        broker.http().get(format!("{}/{token}?token={token}", broker.public)),
        broker
            .http()
            .post(format!("{}/revoke", broker.admin))
            .bearer_auth(token)
            .json(&json!({ "issuer": "x" })),
        broker
            .http()
            .post(format!("{}/revoke", broker.admin))
            .bearer_auth(ADMIN_TOKEN)
            .json(&json!({ "is": token })),
        broker.exchange_request(token),
        broker.exchange_request(&format!("{ADMIN_TOKEN}.{}.{}", CLIENT.1, token)),
    ] {
        let reply = broker.send(request).await;
        assert!(reply.status.is_client_error(), "{} {}", reply.status, reply.text);
        answers += &reply.text;
    }
    assert_eq!(broker.admin("/revoke", &json!({ "registry": "other" })).await.status, 204);
    (tokens, answers)
}

async fn kept_by_broker(broker: &mut BrokerProcess, answers: &str, secrets: &Secrets) {
    let metrics = broker.send(broker.http().get(format!("{}/metrics", broker.ops))).await.text;
    assert!(metrics.contains("trustmint_"), "{metrics}");
    let environment = std::fs::read(format!("/proc/{}/environ", broker.pid())).expect("its environment");
    assert!(contains(&environment, b"TRUSTMINT_LOG=trace"), "the log is not as loud as it can be");
    broker.signal("TERM");
    assert!(broker.ended().await.success());
    let log = broker.log();
    assert!(log.contains("listening"), "{log}");
    assert!(answers.contains("replayed"));
    secrets.are_nowhere_in("the log", log.as_bytes());
    secrets.are_nowhere_in("the metrics", metrics.as_bytes());
    secrets.are_nowhere_in("an answer", answers.as_bytes());
    let audit = std::fs::read(broker.folder.path().join("audit.jsonl")).expect("the audit file");
    assert!(contains(&audit, b"\"minted\"") && contains(&audit, b"\"revoked\""));
    secrets.are_nowhere_in("the audit file", &audit);
}

fn all_secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.0.push(("the client's secret", CLIENT.1.to_owned()));
    secrets.0.push(("the admin token", ADMIN_TOKEN.to_owned()));
    secrets.0.push(("the password of Redis", REDIS_PASSWORD.to_owned()));
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_stored_with_embedded_store() {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer);
    "trace".clone_into(&mut setup.log_level);
    let mut broker = setup.start().await;
    let mut secrets = all_secrets();
    let (tokens, answers) = a_busy_day(&broker, &issuer, &mut secrets).await;
    kept_by_broker(&mut broker, &answers, &secrets).await;

    let store = std::fs::read(broker.folder.path().join("store.redb")).expect("the store");
    secrets.are_nowhere_in("the store", &store);
    for token in &tokens {
        assert!(contains(&store, &sha256(token)), "the store knows its hash");
    }
    only_the_operator_wrote_secrets(broker.folder.path(), &secrets);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_stored_with_redis() {
    let issuer = Issuer::start().await;
    let redis = RedisServer::with(&[
        "--requirepass",
        REDIS_PASSWORD,
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--rdbcompression",
        "no",
        "--aof-use-rdb-preamble",
        "no",
    ]);
    let mut setup = Setup::new(&issuer).store_url(&redis.url());
    setup.store.push_str("password_file = \"redis-password\"\n");
    setup.files.push(("redis-password".to_owned(), format!("{REDIS_PASSWORD}\n")));
    "trace".clone_into(&mut setup.log_level);
    let mut broker = setup.start().await;
    broker.until("ready", || async { broker.exchange(&issuer.id_token(AUDIENCE)).await.status == 200 }).await;
    let mut secrets = all_secrets();
    let (tokens, answers) = a_busy_day(&broker, &issuer, &mut secrets).await;

    let saved = redis_cli(Some(redis.port), &["--no-auth-warning", "-a", REDIS_PASSWORD, "SAVE"]);
    assert_eq!(saved.trim(), "OK");
    let mut files = Vec::new();
    collect(redis.folder(), &mut files);
    assert!(files.len() >= 2, "{files:?}");
    let mut hashes = 0;
    for file in &files {
        let bytes = std::fs::read(file).expect("a file of Redis");
        secrets.are_nowhere_in(&file.display().to_string(), &bytes);
        hashes += tokens.iter().filter(|token| contains(&bytes, sha256_hex(token).as_bytes())).count();
    }
    assert!(hashes >= 2 * tokens.len(), "the files of Redis know their hashes");

    // An outage is logged, with whatever the client library says about it.
    drop(redis);
    assert_eq!(broker.exchange(&secrets.id_token(&issuer.id_token(AUDIENCE))).await.status, 503);
    kept_by_broker(&mut broker, &answers, &secrets).await;
    only_the_operator_wrote_secrets(broker.folder.path(), &secrets);
}

/// Nothing in the broker's folder holds a secret but the files that the operator wrote it into.
fn only_the_operator_wrote_secrets(folder: &Path, secrets: &Secrets) {
    let mut files = Vec::new();
    collect(folder, &mut files);
    let operators = ["admin-token", "redis-password"];
    let others = files.iter().filter(|file| !operators.iter().any(|name| file.ends_with(name)));
    for file in others {
        secrets.are_nowhere_in(&file.display().to_string(), &std::fs::read(file).expect("a file"));
    }
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

fn sha256(text: &str) -> Vec<u8> {
    let hex = sha256_hex(text);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}
