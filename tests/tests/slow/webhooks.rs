//! Who is told of a leak: signed as the scheme says, retried until it arrives, once for each leak.

use serde_json::json;
use trustmint::broker::ExchangeRequest;
use trustmint::clock::Clock as _;
use trustmint::store::{Cause, Revocation, RevocationReason, RevocationTarget};
use trustmint::webhooks::{Delivery, RevocationRef};
use trustmint_tests::broker::{AUDIENCE, ID_TOKEN, POLICY, TOKEN_EXCHANGE};
use trustmint_tests::in_process::InProcess;
use trustmint_tests::inbox::Inbox;
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::reporter::{ReporterKey, labels, report, with_keys_file};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

struct Scene {
    broker: BrokerProcess,
    issuer: Issuer,
    key: ReporterKey,
    inbox: Inbox,
}

impl Scene {
    async fn set(change: impl FnOnce(Setup) -> Setup) -> Self {
        let (issuer, key, inbox) = (Issuer::start().await, ReporterKey::new(), Inbox::start().await);
        let mut setup = with_keys_file(Setup::new(&issuer), [&key]);
        setup.registries.push_str(&inbox.section("security", ""));
        setup.files.extend(inbox.files("security"));
        Self { broker: change(setup).start().await, issuer, key, inbox }
    }

    async fn token(&self, run: &str) -> String {
        let changes = json!({ "run_id": run, "run_attempt": "2" });
        self.broker.exchange(&self.issuer.id_token_with(AUDIENCE, &changes)).await.token()
    }

    async fn leak(&self, tokens: &[&str]) {
        let reply = self.broker.leaks(&self.key, &report(tokens.iter().copied())).await;
        assert!(labels(&reply).iter().all(|label| label == "true_positive"), "{}", reply.text);
    }

    async fn until_taken(&self, count: usize) {
        self.broker.until("the messages arrive", async || self.inbox.taken().len() >= count).await;
        assert_eq!(self.inbox.taken().len(), count);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leak_webhook_is_sent_once_and_complete() {
    let scene = Scene::set(|setup| setup).await;
    let (token, sibling) = (scene.token("77").await, scene.token("77").await);
    let id = scene.broker.introspect(&token).await.json()["jti"].clone();
    for _ in 0..3 {
        scene.leak(&[&token, &sibling]).await;
    }
    let second = scene.token("78").await;
    scene.leak(&[&second]).await;
    scene.until_taken(2).await;

    let message =
        scene.inbox.taken().into_iter().find(|message| message.body.contains("runs/77")).expect("one");
    let event = message.json();
    assert_eq!(event["type"], "token.leaked");
    let data = &event["data"];
    assert_eq!(data["token"]["id"], id);
    assert_eq!(data["token"]["registry"], "pypi");
    assert_eq!(data["token"]["packages"], json!(["widget", "widget-extras"]));
    assert!(data["token"]["scope"].as_str().expect("a scope").starts_with("package:widget:"));
    assert_eq!(data["policies"], json!(["widget-release"]));
    assert_eq!(data["publisher"]["issuer"], "github");
    assert_eq!(data["publisher"]["claims"]["repository"], "acme/widget");
    let run_url = data["publisher"]["run_url"].as_str().expect("a URL");
    assert!(run_url.ends_with("/acme/widget/actions/runs/77/attempts/2"), "{run_url}");
    assert_eq!(data["found"]["url"], "https://example.com/acme/leaky/blob/main/.env");
    assert_eq!((&data["found"]["source"], &data["found"]["reporter"]), (&json!("commit"), &json!("github")));
    assert_eq!((&data["done"]["tokens"], &data["done"]["killed"]), (&json!("leaked"), &json!(2)));
    assert_eq!(data["done"]["killed_ids"].as_array().expect("ids").len(), 2);
    assert_eq!(data["done"]["suspended_policies"], json!([]));
    assert!(!message.body.contains(&token[12..]), "no secret leaves us");

    assert_eq!(message.header("content-type"), "application/json");
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_webhook_is_retried_without_delaying_reports() {
    let scene = Scene::set(|setup| setup).await;
    for status in [500, 0, 302] {
        scene.inbox.answers(status);
        let before = scene.inbox.messages().len();
        let token = scene.token(&status.to_string()).await;
        // Answered at once: a recipient that says nothing is waited for by no one.
        scene.leak(&[&token]).await;
        scene.broker.until("it is tried", async || scene.inbox.messages().len() > before).await;
        scene.inbox.answers(204);
        let id = scene.inbox.messages()[before].header("webhook-id");
        let patience = std::time::Duration::from_secs(30);
        let again = async || scene.inbox.taken().iter().any(|message| message.header("webhook-id") == id);
        scene.broker.until_within(patience, "it is tried again, under its own id", again).await;
    }
    let failed = |outcome: &str| {
        format!("trustmint_webhook_deliveries_total{{webhook=\"security\",outcome=\"{outcome}\"}}")
    };
    assert_eq!(scene.broker.metric(&failed("refused")).await, 2);
    assert_eq!(scene.broker.metric(&failed("unreachable")).await, 1);
    assert_eq!(scene.broker.metric(&failed("delivered")).await, 3);
    let waiting = async || scene.broker.metric("trustmint_notices_waiting").await == 0;
    scene.broker.until("nothing is left", waiting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_410_stops_deliveries() {
    let scene = Scene::set(|setup| setup).await;
    scene.inbox.answers(410);
    let token = scene.token("1").await;
    scene.leak(&[&token]).await;
    let gone = "trustmint_webhook_deliveries_total{webhook=\"security\",outcome=\"gone\"}";
    scene.broker.until("it is discarded", async || scene.broker.metric(gone).await == 1).await;
    let waiting = async || scene.broker.metric("trustmint_notices_waiting").await == 0;
    scene.broker.until("nothing is left", waiting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_loses_no_webhook_message() {
    let redis = RedisServer::start();
    for store in [None, Some(redis.url())] {
        let mut scene = Scene::set(|setup| match &store {
            Some(url) => setup.store_url(url),
            None => setup,
        })
        .await;
        // No one takes it while the broker lives; another one delivers it.
        scene.inbox.answers(503);
        let token = scene.token("1").await;
        scene.leak(&[&token]).await;
        scene.broker = scene.broker.crash_and_restart().await;
        scene.inbox.answers(204);
        scene
            .broker
            .until_within(std::time::Duration::from_secs(60), "it arrives after the crash", async || {
                scene.inbox.taken().len() == 1
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_webhook_gets_its_messages_once() {
    let redis = RedisServer::start();
    let (issuer, key) = (Issuer::start().await, ReporterKey::new());
    let inboxes = [Inbox::start().await, Inbox::start().await, Inbox::start().await, Inbox::start().await];
    let mut setup = with_keys_file(Setup::new(&issuer), [&key]).store_url(&redis.url());
    let about = [
        ("all", ""),
        ("ours", "registries = [\"pypi\"]\npolicies = [\"x\", \"widget-release\"]\n"),
        ("other-policy", "policies = [\"x\"]\n"),
        ("other-registry", "registries = [\"npm\"]\n"),
    ];
    for ((name, lines), inbox) in about.into_iter().zip(&inboxes) {
        setup.registries.push_str(&inbox.section(name, lines));
        setup.files.extend(inbox.files(name));
    }
    setup.registries.push_str(
        "\n[registries.npm]\nkind = \"generic\"\naudiences = [\"npm\"]\ntoken_prefix = \"exm_npm_\"\n",
    );
    setup.registries =
        setup.registries.replace("[registries.pypi]\n", "[registries.pypi]\nhosts = [\"127.0.0.1\"]\n");
    let brokers = [setup.clone().start().await, setup.clone().start().await, setup.start().await];
    let mut expected = 0;
    for run in 0..10 {
        let changes = json!({ "run_id": run.to_string() });
        let token = brokers[0].exchange(&issuer.id_token_with(AUDIENCE, &changes)).await.token();
        let body = report([token.as_str()]);
        // The same report at the same time by all of them.
        let (a, b, c) = tokio::join!(
            brokers[0].leaks(&key, &body),
            brokers[1].leaks(&key, &body),
            brokers[2].leaks(&key, &body)
        );
        for reply in [a, b, c] {
            assert_eq!(labels(&reply), ["true_positive"]);
        }
        expected += 1;
    }
    let [all, ours, policy, registry] = &inboxes;
    brokers[0]
        .until("they arrive", async || all.taken().len() >= expected && ours.taken().len() >= expected)
        .await;
    brokers[0]
        .until("nothing is left", async || {
            // What a broker held whose killing came second is discarded once its time is over.
            let waiting = brokers[0].metric("trustmint_notices_waiting").await;
            waiting == 0
        })
        .await;
    for (inbox, count) in [(all, expected), (ours, expected), (policy, 0), (registry, 0)] {
        let mut ids: Vec<_> = inbox.taken().iter().map(|message| message.header("webhook-id")).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), inbox.taken().len()), (count, count));
    }
}

/// The broker dies between the killing and the release; or before the killing; or someone else was
/// faster.
#[tokio::test(flavor = "multi_thread")]
async fn pending_message_is_delivered_if_revocation_happened() {
    let (issuer, inbox) = (Issuer::start().await, Inbox::start().await);
    let mut setup = Setup::new(&issuer);
    setup.registries.push_str(&inbox.section("security", ""));
    setup.files.extend(inbox.files("security"));
    let service = InProcess::start(&setup).await;
    let (broker, clock) = (&service.broker, &service.clock);
    let registry = broker.registries().by_id("pypi").expect("a registry");
    let mut cases = Vec::new();
    for (case, killed_for) in [
        ("killed", Some((RevocationReason::Leaked, true))),
        ("alive", None),
        ("revoked by its holder", Some((RevocationReason::Revoked, false))),
        ("killed with another one of its run", Some((RevocationReason::Leaked, false))),
    ] {
        let id_token = issuer.id_token_with(AUDIENCE, &json!({ "run_id": cases.len().to_string() }));
        let request = ExchangeRequest::for_everything(&id_token, registry, "test");
        let token = broker.exchange(request).await.expect("a token").token;
        let delivery = Delivery {
            id: format!("leak_{}_security", cases.len()),
            webhook: "security".to_owned(),
            payload: format!("{{\"case\":\"{case}\"}}"),
            attempts: 0,
            unroutable_attempts: 0,
            pending_on: Some(RevocationRef::new(token.tag(), token.hash())),
        };
        let held = delivery.pending(clock.now_ms()).expect("JSON");
        service.store.post(vec![held], 100).await.expect("kept");
        if let Some((why, for_itself)) = killed_for {
            let cause = for_itself.then(|| Cause::of(&token.hash()));
            let targets =
                [RevocationTarget { tag: token.tag(), tokens: vec![token.hash()], family: None, cause }]
                    .into();
            let revoked = Revocation { at: clock.now(), why, by: 1, cause: None };
            service.store.revoke(targets, revoked).await.expect("killed");
        }
        cases.push(case);
    }
    let dispatcher = std::sync::Arc::clone(broker.dispatcher());
    let delivering = tokio::spawn(async move { dispatcher.deliver().await });
    tokio::time::timeout(std::time::Duration::from_millis(1500), std::future::pending::<()>())
        .await
        .unwrap_err();
    assert!(inbox.messages().is_empty(), "the deed may still be under way");
    clock.advance(121);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while service.store.waiting().await.expect("an answer") > 0 {
        assert!(std::time::Instant::now() < deadline, "they are settled");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    delivering.abort();
    let bodies: Vec<_> = inbox.messages().into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["{\"case\":\"killed\"}"]);
}

/// Two registries of one run, and a recipient for each: what died for a leak concerns both.
#[tokio::test(flavor = "multi_thread")]
async fn webhook_lists_tokens_revoked_with_others() {
    let (issuer, key) = (Issuer::start().await, ReporterKey::new());
    let (of_pypi, of_npm) = (Inbox::start().await, Inbox::start().await);
    let mut setup = with_keys_file(Setup::new(&issuer), [&key]);
    setup.registries =
        setup.registries.replace("kind = \"pypi\"\n", "kind = \"pypi\"\nhosts = [\"pypi.example.com\"]\n");
    setup.registries.push_str(
        "\n[registries.npm]\nkind = \"generic\"\naudiences = [\"npm\"]\ntoken_prefix = \"exm_npm_\"\n",
    );
    for (name, registry, inbox) in [("of-pypi", "pypi", &of_pypi), ("of-npm", "npm", &of_npm)] {
        setup.registries.push_str(&inbox.section(name, &format!("registries = [\"{registry}\"]\n")));
        setup.files.extend(inbox.files(name));
    }
    let npm = POLICY.replace("registry = \"pypi\"", "registry = \"npm\"").replace("widget-release", "npm");
    setup.policies.push(("npm.toml".to_owned(), npm));
    let broker = setup.start().await;
    let mint = async |audience: &str, run: &str| {
        let id_token = issuer.id_token_with(audience, &json!({ "run_id": run }));
        let form = [
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token_type", ID_TOKEN),
            ("subject_token", &id_token),
            ("audience", audience),
        ];
        broker.post_form("/oauth/token", &form).await.token()
    };
    for (run, both_are_reported) in [("1", true), ("2", false)] {
        let (pypi, npm) = (mint(AUDIENCE, run).await, mint("npm", run).await);
        let tokens = if both_are_reported { vec![pypi.as_str(), npm.as_str()] } else { vec![pypi.as_str()] };
        assert!(
            labels(&broker.leaks(&key, &report(tokens)).await).iter().all(|label| label == "true_positive")
        );
        let count = run.parse::<usize>().expect("a number");
        for (inbox, registry) in [(&of_pypi, "pypi"), (&of_npm, "npm")] {
            broker.until("it is told", async || inbox.taken().len() == count).await;
            let about = inbox.taken()[count - 1].json();
            assert_eq!(about["data"]["token"]["registry"], registry, "run {run}");
            assert_eq!(about["data"]["done"]["killed"], 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outbox_is_bounded() {
    let scene = Scene::set(|setup| setup.limits("notices = 2\n")).await;
    scene.inbox.answers(500);
    for run in 0..6 {
        let token = scene.token(&run.to_string()).await;
        scene.leak(&[&token]).await;
        assert!(!scene.broker.is_active(&token).await, "tokens die all the same");
    }
    assert_eq!(scene.broker.metric("trustmint_notices_waiting").await, 2);
    assert_eq!(scene.broker.metric("trustmint_notices_refused_total").await, 4);
}

/// While a fleet is given another configuration, some replicas know a recipient and others do not.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_webhook_on_one_replica_loses_nothing() {
    let redis = RedisServer::start();
    let other = Inbox::start().await;
    let scene = Scene::set(|setup| setup.store_url(&redis.url())).await;
    let mut old = with_keys_file(Setup::new(&scene.issuer), [&scene.key]).store_url(&redis.url());
    old.registries.push_str(&other.section("other", ""));
    old.files.extend(other.files("other"));
    let old = old.start().await;
    scene.inbox.answers(500);
    for run in 0..10 {
        let token = scene.token(&run.to_string()).await;
        scene.leak(&[&token]).await;
    }
    let failed = async || scene.broker.log().contains("could not be delivered");
    scene.broker.until("the one that knows it has tried", failed).await;
    scene.broker.signal("STOP");
    let met = async || old.log().contains("not configured here");
    old.until_within(std::time::Duration::from_secs(60), "the other one has met some", met).await;
    scene.inbox.answers(204);
    scene.broker.signal("CONT");
    let patience = std::time::Duration::from_secs(120);
    scene.broker.until_within(patience, "all arrive", async || scene.inbox.taken().len() == 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_failure_log_has_no_secret() {
    let scene = Scene::set(|mut setup| {
        setup.registries = setup.registries.replace("/hook\"", "/SECRET-PATH?key=SECRET-QUERY\"");
        setup
    })
    .await;
    let token = scene.token("1").await;
    scene.leak(&[&token]).await;
    scene.broker.until("it is tried", async || scene.broker.log().contains("could not be delivered")).await;
    assert!(!scene.broker.log().contains("SECRET-"), "{}", scene.broker.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn private_address_of_a_webhook_is_never_connected_to() {
    // What counts is where a name leads, not how the address is written.
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let scene = Scene::set(|mut setup| {
            let usual = "allow_private = [\"127.0.0.0/8\"]\n";
            setup.registries = setup.registries.replace(usual, "").replace("127.0.0.1", host);
            setup
        })
        .await;
        let token = scene.token("1").await;
        scene.leak(&[&token]).await;
        let why = "is at 127.0.0.1, which is not public";
        scene.broker.until("it is refused", async || scene.broker.log().contains(why)).await;
        assert_eq!(scene.inbox.server.connections(), 0, "{host}");
    }
}
