//! Who may report: GitHub's published sample, and what is not quite it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::nid::Nid;
use serde_json::json;
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::reporter::{KEY_ID, ReporterKey, SIGNATURE, labels, listing, report, with_keys_file};
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup};

/// GitHub's sample, whose signature has an `s` of 31 bytes, and its key.
const ID: &str = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c";
const SAMPLE: &str = r#"[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]"#;
const SIGNED: &str =
    "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==";
const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\nAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n";

struct Scene {
    broker: BrokerProcess,
    issuer: Issuer,
    key: ReporterKey,
}

impl Scene {
    /// A broker that knows GitHub's key, one of ours that is not current, and two that it must not use.
    async fn set() -> Self {
        let issuer = Issuer::start().await;
        let (key, other_curve) = (ReporterKey::new(), ReporterKey::on(Nid::SECP384R1));
        let mut setup = with_keys_file(Setup::new(&issuer), []);
        let keys = json!({ "public_keys": [
            { "key_identifier": ID, "key": PEM, "is_current": true },
            key.listed(false),
            other_curve.listed(true),
            { "key_identifier": "broken", "key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n" },
            7,
        ]});
        setup.files.pop();
        setup.files.push(("reporter-keys.json".to_owned(), keys.to_string()));
        let broker = setup.start().await;
        Self { broker, issuer, key }
    }

    async fn post(&self, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = self.broker.http().post(format!("{}/leaks/github", self.broker.public));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.broker.send(request.body(body.to_owned())).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn github_sample_signature_verifies_unmodified_only() {
    let scene = Scene::set().await;
    let signed = [(KEY_ID, ID), (SIGNATURE, SIGNED)];
    let reply = scene.post(&signed, SAMPLE).await;
    assert_eq!(labels(&reply), ["false_positive"], "{}", reply.text);
    assert_eq!(reply.json()[0]["token_type"], "some_type");
    assert_eq!(reply.json()[0]["token_hash"], trustmint_tests::broker::sha256_hex("some_token"));
    assert!(reply.json()[0].get("token_raw").is_none(), "a token is repeated to no one");
    let lower = [("github-public-key-identifier", ID), ("GITHUB-PUBLIC-KEY-SIGNATURE", SIGNED)];
    assert_eq!(scene.post(&lower, SAMPLE).await.status, 200, "names of headers have no case");

    for at in 0..SAMPLE.len() {
        let mut flipped = SAMPLE.as_bytes().to_vec();
        flipped[at] ^= 1;
        let Ok(flipped) = String::from_utf8(flipped) else { continue };
        let reply = scene.post(&signed, &flipped).await;
        assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (403, "bad_signature"), "byte {at}");
    }
    let rewritten = serde_json::from_str::<serde_json::Value>(SAMPLE).expect("JSON");
    let pretty = serde_json::to_string_pretty(&rewritten).expect("JSON");
    for (case, body) in
        [("re-serialised", pretty), ("a line break", format!("{SAMPLE}\n")), ("empty", String::new())]
    {
        assert_eq!(scene.post(&signed, &body).await.reason(), "bad_signature", "{case}");
    }

    let der = STANDARD.decode(SIGNED).expect("base64");
    let (r, s) = (&der[5..37], &der[39..70]);
    let fixed = [r, &[0], s].concat();
    let long_form = [&[0x30, 0x81, 0x44], &der[2..]].concat();
    let padded_s = [&[0x30, 0x46], &der[2..37], &[0x02, 0x21, 0, 0], s].concat();
    let trailing = [&der[..], &[0]].concat();
    for (case, signature) in [
        ("r and s, 32 bytes each", STANDARD.encode(&fixed)),
        ("a length in the long form", STANDARD.encode(&long_form)),
        ("a padded integer", STANDARD.encode(&padded_s)),
        ("trailing bytes", STANDARD.encode(&trailing)),
        ("cut short", STANDARD.encode(&der[..69])),
        ("hexadecimal", der.iter().map(|byte| format!("{byte:02x}")).collect()),
        ("not base64", format!("{SIGNED}!")),
        ("empty", String::new()),
    ] {
        let reply = scene.post(&[(KEY_ID, ID), (SIGNATURE, &signature)], SAMPLE).await;
        assert!(reply.status == 403 || reply.status == 401, "{case}: {} {}", reply.status, reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn report_needs_one_known_key_and_one_signature() {
    let scene = Scene::set().await;
    for (case, headers, status) in [
        ("no headers", vec![], 401),
        ("no signature", vec![(KEY_ID, ID)], 401),
        ("no key", vec![(SIGNATURE, SIGNED)], 401),
        ("two keys", vec![(KEY_ID, ID), (KEY_ID, ID), (SIGNATURE, SIGNED)], 401),
        ("two signatures", vec![(KEY_ID, ID), (SIGNATURE, SIGNED), (SIGNATURE, SIGNED)], 401),
        ("an unknown key", vec![(KEY_ID, "unknown"), (SIGNATURE, SIGNED)], 403),
        ("a broken key", vec![(KEY_ID, "broken"), (SIGNATURE, SIGNED)], 403),
        ("another key", vec![(KEY_ID, scene.key.id.as_str()), (SIGNATURE, SIGNED)], 403),
    ] {
        let reply = scene.post(&headers, SAMPLE).await;
        assert_eq!(reply.status, status, "{case}: {}", reply.text);
    }
    // A key of a curve that was not allowed is no one's, however well it signs.
    let other = ReporterKey::on(Nid::SECP384R1);
    let setup = with_keys_file(Setup::new(&scene.issuer), [&scene.key, &other]);
    let broker = setup.start().await;
    assert_eq!(broker.leaks(&other, &report(["x"])).await.reason(), "unknown_key");
    let mut setup = with_keys_file(Setup::new(&scene.issuer), [&scene.key, &other]);
    setup.registries.push_str("curves = [\"P-256\", \"P-384\"]\n");
    assert_eq!(setup.start().await.leaks(&other, &report(["x"])).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn non_current_listed_key_verifies_and_file_is_reloaded() {
    let scene = Scene::set().await;
    let token = scene.broker.exchange(&scene.issuer.id_token(AUDIENCE)).await.token();
    assert_eq!(labels(&scene.broker.leaks(&scene.key, &report([token.as_str()])).await), ["true_positive"]);
    assert!(!scene.broker.is_active(&token).await);

    let next = ReporterKey::new();
    assert_eq!(scene.broker.leaks(&next, &json!([])).await.status, 403);
    let file = scene.broker.folder.path().join("reporter-keys.json");
    std::fs::write(file, listing([&next]).to_string()).expect("written");
    scene
        .broker
        .until("it is read", async || scene.broker.leaks(&next, &json!([])).await.status == 200)
        .await;
    assert_eq!(
        scene.broker.leaks(&scene.key, &json!([])).await.status,
        403,
        "what is not listed is not good"
    );
}

/// The addresses that public registries gave GitHub; the headers say who it is.
#[tokio::test(flavor = "multi_thread")]
async fn each_report_address_accepts_the_same_report() {
    let issuer = Issuer::start().await;
    let key = ReporterKey::new();
    let mut setup = with_keys_file(Setup::new(&issuer), [&key]);
    setup.registries.push_str(
        "\n[reporters.google]\nkind = \"depsdev\"\nkeys_file = \"reporter-keys.json\"\n\
         \n[reporters.ours]\nkind = \"signed\"\nkeys_file = \"reporter-keys.json\"\n\
         key_id_header = \"scanner-key\"\nsignature_header = \"scanner-signature\"\n",
    );
    let broker = setup.start().await;
    for (path, status) in [
        ("/leaks/github", 200),
        ("/_/secrets/disclose-token", 204),
        ("/_/github/disclose-token", 204),
        ("/api/github/secret-scanning/verify", 200),
        ("/api/v1/api_key/revoke", 200),
    ] {
        let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
        let reply = broker.leaks_at(path, &key, &report([token.as_str()]).to_string()).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text);
        assert!(!broker.is_active(&token).await, "{path}");
        let unsigned = broker.post_json(path, &report([token.as_str()])).await;
        assert_eq!(unsigned.status, 401, "{path}");
        assert_eq!(broker.get(path).await.status, 405, "{path}");
    }
    // Another reporter's headers, alone and beside the first's.
    let body = report(["x"]).to_string();
    let signature = STANDARD.encode(key.sign(body.as_bytes()));
    let post = |path: &str, headers: &[&str]| {
        let mut request = broker.http().post(format!("{}{path}", broker.public)).body(body.clone());
        for pair in headers.chunks(2) {
            request = request.header(pair[0], &key.id).header(pair[1], &signature);
        }
        broker.send(request)
    };
    let (google, ours) =
        (["gosst-public-key-identifier", "gosst-public-key-signature"], ["scanner-key", "scanner-signature"]);
    assert_eq!(post("/_/secrets/disclose-token", &google).await.status, 204);
    assert_eq!(post("/leaks/google", &google).await.status, 200);
    assert_eq!(post("/leaks/ours", &ours).await.status, 200);
    assert_eq!(post("/leaks/ours", &google).await.status, 401);
    assert_eq!(post("/_/secrets/disclose-token", &[google, ours].concat()).await.status, 401, "whose is it?");
    assert_eq!(post("/leaks/nobody", &google).await.status, 404);
}
