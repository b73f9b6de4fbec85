//! What a signed report does: the token and its run die, labels are right, twice is once.

use serde_json::{Value, json};
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::inbox::Inbox;
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::reporter::{ReporterKey, labels, report, with_keys_file};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

/// A string with the form and the checksum of a token that was never minted.
const NEVER_MINTED: &str = "exm_pypi_Ab0123456789ABCDEFGHIJKLMNOPQRSTUV";

fn never_minted() -> String {
    let body = &NEVER_MINTED["exm_pypi_".len()..];
    let mut rest = trustmint_tests::reporter::crc32(body.as_bytes());
    let mut checksum = [b'0'; 6];
    for digit in checksum.iter_mut().rev() {
        *digit = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(rest % 62) as usize];
        rest /= 62;
    }
    format!("{NEVER_MINTED}{}", String::from_utf8_lossy(&checksum))
}

async fn token_of_run(broker: &BrokerProcess, issuer: &Issuer, run: &str) -> String {
    broker.exchange(&issuer.id_token_with(AUDIENCE, &json!({ "run_id": run }))).await.token()
}

fn of_outcome(broker: &BrokerProcess, outcome: &str) -> Vec<Value> {
    broker.audit().into_iter().filter(|event| event["outcome"] == outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn reported_token_is_revoked_with_its_run() {
    let redis = RedisServer::start();
    for store in [None, Some(redis.url())] {
        let issuer = Issuer::start().await;
        let key = ReporterKey::new();
        let mut setup = with_keys_file(Setup::new(&issuer), [&key]);
        if let Some(url) = &store {
            setup = setup.store_url(url);
        }
        let broker = setup.start().await;
        let reported = token_of_run(&broker, &issuer, "71").await;
        let sibling = token_of_run(&broker, &issuer, "71").await;
        let bystander = token_of_run(&broker, &issuer, "72").await;
        let id = broker.introspect(&reported).await.json()["jti"].clone();
        let sibling_id = broker.introspect(&sibling).await.json()["jti"].clone();

        let unknown = never_minted();
        let body = json!([
            { "token": reported, "type": "exm_pypi", "url": "https://example.com/leak", "source": "commit" },
            { "token": unknown },
            { "token": "exm_pypi_nothing" },
            { "token": "ghp_somebody_elses" },
            null,
            { "token": reported },
        ]);
        let expected =
            ["true_positive", "false_positive", "false_positive", "false_positive", "true_positive"];
        for _ in 0..3 {
            assert_eq!(labels(&broker.leaks(&key, &body).await), expected, "the same answer each time");
            assert!(!broker.is_active(&reported).await && !broker.is_active(&sibling).await);
            assert!(broker.is_active(&bystander).await, "another run is another matter");
        }
        broker.until("three reports are recorded", async || of_outcome(&broker, "reported").len() == 3).await;
        let leaked = of_outcome(&broker, "leaked");
        let ids: Vec<_> = leaked.iter().map(|event| event["token_id"].clone()).collect();
        assert_eq!(leaked.len(), 2, "once, for each token that died: {leaked:?}");
        assert!(ids.contains(&id) && ids.contains(&sibling_id));
        for event in &leaked {
            assert_eq!(event["reporter"], "github");
            assert_eq!(event["reported_token"], id);
            assert_eq!(event["found_at"], "https://example.com/leak");
            assert_eq!(event["policies"], json!(["widget-release"]));
            assert!(event["run"].as_str().expect("a run").ends_with("|71"), "{event}");
        }
        let first = &of_outcome(&broker, "reported")[0];
        assert_eq!(
            first["detail"],
            "2 live, 0 ended, 1 unknown with a valid checksum, 2 foreign, 1 unreadable"
        );
        assert_eq!(first["ended"], Value::Null);
        let second = &of_outcome(&broker, "reported")[1];
        assert_eq!(second["ended"], json!([id]), "what had ended can be found by its name");

        let metric = |state: &str, registry: &str| {
            format!(
                "trustmint_leaked_tokens_total{{reporter=\"github\",registry=\"{registry}\",state=\"{state}\"}}"
            )
        };
        assert_eq!(broker.metric(&metric("live", "pypi")).await, 1);
        assert_eq!(broker.metric(&metric("ended", "pypi")).await, 2);
        assert_eq!(broker.metric(&metric("checksum_ok_unknown", "pypi")).await, 3);
        assert_eq!(broker.metric(&metric("foreign", "unknown")).await, 6);

        // What its holder spent was a token all the same.
        assert_eq!(broker.revoke(&bystander).await.status, 200);
        assert_eq!(labels(&broker.leaks(&key, &report([bystander.as_str()])).await), ["true_positive"]);
        assert_eq!(of_outcome(&broker, "leaked").len(), 2, "what is dead dies no more");

        // No secret is anywhere.
        let everything = format!("{}{:?}", broker.log(), broker.audit());
        for token in [&reported, &sibling, &bystander, &unknown] {
            assert!(!everything.contains(&token[12..]), "a token in the log or in an event");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leak_suspends_its_policies_until_resumed() {
    let issuer = Issuer::start().await;
    let key = ReporterKey::new();
    let broker = with_keys_file(Setup::new(&issuer).suspending_on_leak(), [&key]).start().await;
    let token = token_of_run(&broker, &issuer, "1").await;
    let dead = token_of_run(&broker, &issuer, "2").await;
    assert_eq!(broker.revoke(&dead).await.status, 200);
    assert_eq!(labels(&broker.leaks(&key, &report([dead.as_str()])).await), ["true_positive"]);
    assert!(broker.is_active(&token).await, "the report of a dead token suspends nothing");

    let third = token_of_run(&broker, &issuer, "3").await;
    assert_eq!(labels(&broker.leaks(&key, &report([third.as_str()])).await), ["true_positive"]);
    assert!(!broker.is_active(&token).await, "its policy is suspended");
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.reason(), "suspended");
    let switched = of_outcome(&broker, "switched");
    assert_eq!(switched.len(), 1);
    assert_eq!(switched[0]["reporter"], "github");
    assert_eq!(
        (&switched[0]["dialect"], &switched[0]["detail"]),
        (&json!("leaks"), &json!("Suspend {\"policy\":\"widget-release\"}"))
    );

    // Holding a token is not an authority over policies.
    let address = broker.admin.replace("http://", "");
    let config = std::fs::read_to_string(broker.folder.path().join("trustmint.toml")).expect("configuration");
    let config = config.replace("admin = \"127.0.0.1:0\"", &format!("admin = \"{address}\""));
    std::fs::write(broker.folder.path().join("admin.toml"), config).expect("written");
    let resume = ["resume", "--policy", "widget-release", "--config", "admin.toml"];
    let (code, _, error) = trustmint_tests::broker::run(broker.folder.path(), &resume);
    assert_eq!(code, 0, "{error}");
    assert!(!broker.is_active(&token).await, "what it killed stays dead");
    let after = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    assert!(broker.is_active(&after).await);
    let holder = broker.post_json("/leaks/holder", &json!({ "credentials": [after] })).await;
    assert_eq!(holder.status, 202);
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200, "a holder suspends nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_tokens_of_one_id_token_are_revoked_together() {
    let issuer = Issuer::start().await;
    let key = ReporterKey::new();
    let packages = ["@acme/a", "@acme/b"];
    let setup = Setup::new(&issuer).registry_of_kind("npm", "npm.example.com", &packages);
    let broker = with_keys_file(setup, [&key]).start().await;
    let id_token = issuer.id_token_with("npm:npm.example.com", &json!({ "run_id": null }));
    let mint = async |package: &str| {
        let path = format!("/-/npm/v1/oidc/token/exchange/package/{}", package.replace('/', "%2f"));
        let request = broker.http().post(format!("{}{path}", broker.public));
        let reply = broker.send(request.header("host", "npm.example.com").bearer_auth(&id_token)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.token()
    };
    let (first, second) = (mint(packages[0]).await, mint(packages[1]).await);
    assert!(broker.is_active(&second).await);
    assert_eq!(labels(&broker.leaks(&key, &report([first.as_str()])).await), ["true_positive"]);
    assert!(!broker.is_active(&first).await && !broker.is_active(&second).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn leak_report_is_bounded() {
    let issuer = Issuer::start().await;
    let key = ReporterKey::new();
    let setup = with_keys_file(Setup::new(&issuer), [&key]);
    let broker = setup.limits("report_records = 3\nreport_bytes = 4096\n").start().await;
    let post = async |body: &str| broker.leaks_at("/leaks/github", &key, body).await;
    assert_eq!(post("[1,2,3]").await.status, 200);
    assert_eq!(post("[]").await.text, "[]");
    assert_eq!(post("[1,2,3,4]").await.status, 413);
    assert_eq!(post(&format!("[\"{}\"]", "x".repeat(4092))).await.status, 200);
    assert_eq!(post(&format!("[\"{}\"]", "x".repeat(4093))).await.status, 413);
    for body in ["", "{}", "null", "[", "\"x\"", "[1]]"] {
        let reply = post(body).await;
        assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (400, "malformed_request"), "{body}");
    }
    // Anyone who sends nothing keeps no one else out.
    let mut idle = Vec::new();
    for _ in 0..50 {
        use tokio::io::AsyncWriteExt as _;
        let address = broker.public.replace("http://", "");
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let head = format!(
            "POST /leaks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n{}: {}\r\n{}: AAAA\r\n\r\n[",
            trustmint_tests::reporter::KEY_ID,
            key.id,
            trustmint_tests::reporter::SIGNATURE
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        idle.push(stream);
    }
    assert_eq!(post("[1]").await.status, 200, "anyone who sends nothing keeps no one out");
    drop(idle);
}

/// What a cut-off or an edit has ended is not a live token: no one is told of it, and nothing is suspended
/// once more; but nothing brings it back either.
#[tokio::test(flavor = "multi_thread")]
async fn report_of_cut_off_token_changes_nothing() {
    let issuer = Issuer::start().await;
    let key = ReporterKey::new();
    let broker = with_keys_file(Setup::new(&issuer).suspending_on_leak(), [&key]).start().await;
    let old = token_of_run(&broker, &issuer, "1").await;
    let policy = json!({ "policy": "widget-release" });
    assert_eq!(broker.admin("/suspend", &policy).await.status, 204);
    assert_eq!(broker.admin("/resume", &policy).await.status, 204);
    let new = token_of_run(&broker, &issuer, "2").await;
    assert!(!broker.is_active(&old).await && broker.is_active(&new).await);

    assert_eq!(labels(&broker.leaks(&key, &report([old.as_str()])).await), ["true_positive"]);
    assert!(broker.is_active(&new).await, "what was resumed stays resumed");
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200);
    let live = "trustmint_leaked_tokens_total{reporter=\"github\",registry=\"pypi\",state=\"live\"}";
    assert_eq!(broker.metric(live).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn report_location_is_recorded_without_the_token() {
    let issuer = Issuer::start().await;
    let key = ReporterKey::new();
    let broker = with_keys_file(Setup::new(&issuer), [&key]).start().await;
    let (first, sibling) =
        (token_of_run(&broker, &issuer, "1").await, token_of_run(&broker, &issuer, "1").await);
    let body = json!([
        { "token": first, "url": "" },
        { "token": first, "url": format!("https://example.com/?auth={first}") },
        { "token": sibling, "url": "https://example.com/other" },
    ]);
    assert_eq!(labels(&broker.leaks(&key, &body).await).len(), 3);
    broker.until("both are recorded", async || of_outcome(&broker, "leaked").len() == 2).await;
    let mut places: Vec<_> =
        of_outcome(&broker, "leaked").iter().map(|event| event["found_at"].clone()).collect();
    places.sort_by_key(Value::to_string);
    assert_eq!(places, ["https://example.com/?auth=(the token)", "https://example.com/other"]);
    assert!(!format!("{}{:?}", broker.log(), broker.audit()).contains(&first[12..]));
}

/// A primary whose replica hangs cannot say that a killing is kept; but the tokens die, and it is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn revocation_is_recorded_without_replica_answer() {
    let primary = RedisServer::start();
    let port = primary.port.to_string();
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
    trustmint_tests::redis_topology::until_linked(replica.port);
    let (issuer, key, inbox) = (Issuer::start().await, ReporterKey::new(), Inbox::start().await);
    let mut setup = with_keys_file(Setup::new(&issuer), [&key]).store_url(&primary.url());
    setup = setup.suspending_on_leak();
    setup.registries.push_str(&inbox.section("security", ""));
    setup.files.extend(inbox.files("security"));
    let broker = setup.limits("report_timeout = \"3s\"\n").start().await;
    let token = token_of_run(&broker, &issuer, "1").await;

    replica.signal("STOP");
    let reply = broker.leaks(&key, &report([token.as_str()])).await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason().as_str()),
        (503, "store_unavailable"),
        "{}",
        reply.text
    );
    assert!(!reply.header("retry-after").is_empty());
    broker.until("the token is dead all the same", async || !broker.is_active(&token).await).await;
    let id = |event: &Value| event["token_id"].is_string() && event["reporter"] == "github";
    broker.until("it is recorded", async || broker.audit().iter().any(id)).await;
    replica.signal("CONT");
    broker
        .until("the report is taken at last", async || {
            broker.leaks(&key, &report([token.as_str()])).await.status == 200
        })
        .await;
}
