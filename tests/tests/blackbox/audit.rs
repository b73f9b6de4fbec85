//! No action without its event, and no token in a metric.

use std::io::BufRead as _;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::{BrokerProcess, Issuer, Setup};

/// The events, once there are that many.
async fn events(broker: &BrokerProcess, count: usize) -> Vec<Value> {
    broker.until("every event is written", async || broker.audit().len() >= count).await;
    broker.audit()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_writes_one_complete_event() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    let ready = broker.send(broker.http().get(format!("{}/readyz", broker.ops))).await.json();

    let id_token = issuer.id_token(AUDIENCE);
    let token = broker.exchange(&id_token).await.token();
    let seen = broker.introspect(&token).await.json();
    let branch = json!({ "ref": "refs/heads/main", "ref_type": "branch" });
    assert_eq!(broker.exchange(&issuer.id_token_with(AUDIENCE, &branch)).await.reason(), "claim_mismatch");
    let stranger = issuer.id_token_with(AUDIENCE, &json!({ "iss": "https://elsewhere.example" }));
    let mint = broker.post_json("/_/oidc/mint-token", &json!({ "token": stranger })).await;
    assert_eq!(mint.reason(), "unknown_issuer");
    assert_eq!(broker.exchange(&id_token).await.reason(), "replayed");
    assert_eq!(broker.revoke(&token).await.status, 200);
    // None of these decides anything.
    assert_eq!(broker.revoke(&token).await.status, 200);
    assert_eq!(broker.revoke("exm_pypi_unknown").await.status, 200);
    for _ in 0..5 {
        assert!(!broker.is_active(&token).await);
    }
    assert_eq!(broker.post_form("/oauth/token", &[("grant_type", "password")]).await.status, 400);
    assert_eq!(broker.admin("/revoke", &json!({ "policy": "widget-release" })).await.status, 204);

    let events = events(&broker, 6).await;
    let [minted, mismatch, unknown, replayed, revoked, switched] = events.as_slice() else {
        panic!("{events:#?}")
    };
    let scope = "package:widget:publish,create package:widget-extras:publish,create";
    for event in [minted, revoked] {
        assert_eq!(event["registry"], "pypi");
        assert_eq!(event["issuer"], "github");
        assert_eq!(event["subject"], "github|9100048|48124571");
        assert_eq!(event["policies"], json!(["widget-release"]));
        assert_eq!(event["digest"], ready["digest"]);
        assert_eq!(event["scope"], scope);
        assert_eq!(event["token_id"], seen["jti"]);
        assert_eq!(event["expires"], seen["exp"]);
        assert_eq!(event["dialect"], "oauth");
        assert!(event["run"].is_string() && event.get("reason").is_none(), "{event}");
    }
    assert_eq!((&minted["outcome"], &revoked["outcome"]), (&json!("minted"), &json!("revoked")));
    assert_eq!(minted["claims"]["repository"], "acme/widget");
    for (event, reason, dialect) in [
        (mismatch, "claim_mismatch", "oauth"),
        (unknown, "unknown_issuer", "pypi"),
        (replayed, "replayed", "oauth"),
    ] {
        assert_eq!((&event["outcome"], &event["reason"]), (&json!("denied"), &json!(reason)));
        assert_eq!((&event["dialect"], &event["registry"]), (&json!(dialect), &json!("pypi")));
        assert!(event["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{event}");
    }
    assert_eq!(mismatch["subject"], "github|9100048|48124571");
    assert_eq!(mismatch["digest"], ready["digest"]);
    assert_eq!(mismatch["claims"]["ref"], "refs/heads/main");
    assert!(unknown.get("issuer").is_none() && unknown.get("claims").is_none(), "nothing of it was verified");
    assert_eq!(switched["outcome"], "switched");
    assert!(switched.to_string().contains("widget-release"), "{switched}");
    for event in &events {
        let time = event["time"].as_str().expect("time");
        assert!(time.starts_with("20") && time.ends_with('Z') && time.contains('T'), "{time}");
    }

    let text = std::fs::read_to_string(broker.folder.path().join("audit.jsonl")).expect("audit");
    let signature = id_token.rsplit_once('.').expect("a JWS").1;
    let secret = &token["exm_pypi_".len()..];
    for place in [&text, &broker.log()] {
        assert!(!place.contains(signature) && !place.contains(secret), "a secret is in {place}");
    }
    let count = |outcome: &str| {
        let series = format!("trustmint_introspections_total{{registry=\"pypi\",outcome=\"{outcome}\"}}");
        let broker = &broker;
        async move { broker.metric(&series).await }
    };
    assert_eq!((count("active").await, count("inactive").await), (1, 5));
    assert_eq!(broker.metric("trustmint_revocations_total").await, 1);
}

/// An audit sink whose reader has stopped reading.
struct Stuck {
    reader: std::fs::File,
    _folder: tempfile::TempDir,
}

impl Stuck {
    fn new() -> (Self, String) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("audit.fifo");
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
        // Open for both, so that neither side waits for the other.
        let reader = std::fs::OpenOptions::new().read(true).write(true).open(&path).expect("the pipe");
        (Self { reader, _folder: folder }, path.display().to_string())
    }

    /// Reads again, in a thread that ends with the process.
    fn read(self) -> mpsc::Receiver<Value> {
        let (events, received) = mpsc::channel();
        std::thread::spawn(move || {
            let Self { reader, _folder } = self;
            for line in std::io::BufReader::new(reader).lines().map_while(Result::ok) {
                let _ = events.send(serde_json::from_str(&line).expect("a line of JSON"));
            }
        });
        received
    }
}

/// Repeats a request that a full queue refused, until it is taken.
async fn insist<F: Future<Output = trustmint_tests::Reply>>(
    mut request: impl FnMut() -> F,
) -> trustmint_tests::Reply {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let reply = request().await;
        if reply.reason() != "overloaded" {
            return reply;
        }
        assert!(Instant::now() < deadline, "the queue stays full");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_event_queue_refuses_mint_and_spends_nothing() {
    let issuer = Issuer::start().await;
    let (sink, path) = Stuck::new();
    let mut setup = Setup::new(&issuer).limits("audit_queue = 1\n");
    setup.audit = path;
    let broker = setup.start().await;
    let first = issuer.id_token(AUDIENCE);
    let first = insist(|| broker.exchange(&first)).await.token();

    // Denials fill the pipe, the writer's buffer and the queue; with one place, a single refusal may
    // only mean that the writer has not woken up yet.
    let denied = issuer.id_token_with(AUDIENCE, &json!({ "environment": "x".repeat(1500) }));
    let (mut denials, mut full) = (0, 0);
    while full < 30 {
        let reply = broker.exchange(&denied).await;
        match reply.reason().as_str() {
            "claim_mismatch" => (denials, full) = (denials + 1, 0),
            "overloaded" => full += 1,
            other => panic!("{other}: {}", reply.text),
        }
        assert!(denials < 2000, "the queue has no end");
    }

    let id_token = issuer.id_token(AUDIENCE);
    let refused = broker.exchange(&id_token).await;
    assert_eq!((refused.status.as_u16(), refused.reason().as_str()), (503, "overloaded"));
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    let refused = broker.post_json("/_/oidc/mint-token", &json!({ "token": id_token })).await;
    assert_eq!((refused.status.as_u16(), refused.reason().as_str()), (503, "overloaded"));
    assert_eq!(refused.json()["errors"][0]["code"], "overloaded");
    assert_eq!(broker.revoke(&first).await.status, 503, "nor is anything revoked in silence");
    assert_eq!(broker.admin("/revoke", &json!({ "registry": "pypi" })).await.status, 503);
    assert!(broker.is_active(&first).await, "introspection is only counted, so it goes on");
    assert_eq!(broker.metric("trustmint_audit_waiting").await, 1);

    let received = sink.read();
    let minted = insist(|| broker.exchange(&id_token)).await;
    assert_eq!(minted.status, 200, "the same ID token still works: {}", minted.text);
    assert_eq!(insist(|| broker.exchange(&id_token)).await.reason(), "replayed");
    assert_eq!(insist(|| broker.revoke(&first)).await.status, 200);
    assert!(!broker.is_active(&first).await);

    let mut outcomes = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..denials + 4 {
        let event = received.recv_timeout(Duration::from_secs(20)).expect("an event for each decision");
        *outcomes.entry(event["outcome"].as_str().expect("outcome").to_owned()).or_default() += 1;
    }
    let expected = [("denied".to_owned(), denials + 1), ("minted".to_owned(), 2), ("revoked".to_owned(), 1)];
    assert_eq!(outcomes, expected.into());
    assert!(received.try_recv().is_err(), "and none for what was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn metric_labels_never_come_from_requests() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    let evil = "https://evil.example/\"} 1\nmade_up";
    let token = issuer.id_token_with(AUDIENCE, &json!({ "iss": evil, "repository": "evil/evil" }));
    assert_eq!(broker.exchange(&token).await.reason(), "unknown_issuer");
    assert_eq!(broker.exchange("evil.evil.evil").await.reason(), "malformed_token");
    let paths =
        ["/evil", "/oauth/evil", "/_/oidc/evil", "/_/oidc/audience/evil", "//oauth/token?evil", "/%65vil"];
    for path in paths {
        assert_eq!(broker.get(path).await.status, 404, "{path}");
    }
    let method = reqwest::Method::from_bytes(b"EVIL").expect("method");
    let request =
        broker.http().request(method, format!("{}/evil", broker.public)).header("host", "evil.example");
    assert_eq!(broker.send(request).await.status, 404);
    let request = broker.http().post(format!("{}/oauth/introspect", broker.public));
    assert_eq!(broker.send(request.basic_auth("evil", Some("evil"))).await.status, 401);

    let text = broker.send(broker.http().get(format!("{}/metrics", broker.ops))).await.text;
    assert!(!text.contains("evil") && !text.contains("made_up"), "{text}");
    for (reason, count) in [("unknown_issuer", 1), ("malformed_token", 1)] {
        let series =
            format!("trustmint_exchanges_total{{registry=\"pypi\",issuer=\"unknown\",outcome=\"{reason}\"}}");
        assert_eq!(broker.metric(&series).await, count, "{text}");
    }
    assert_eq!(
        broker.metric("trustmint_http_requests_total{route=\"other\",status=\"404\"}").await,
        7,
        "{text}"
    );
}
