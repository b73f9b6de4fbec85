//! An issuer that answers with the worst: the request has its answer in time, memory stays where it
//! was, the log says who and why, and the keys that were known keep serving.

use std::time::{Duration, Instant};

use serde_json::json;
use trustmint_tests::attack::base64url;
use trustmint_tests::hostile_issuer::{Answer, HostileIssuer, Untouched};
use trustmint_tests::keys::{self, Key, jwks};
use trustmint_tests::{BrokerProcess, Setup};

/// How long an unknown `kid` waits at most, and some room for a busy machine.
const BOUND: Duration = Duration::from_secs(8);
/// By how many kB the peak of the memory may grow.
const GROWTH: u64 = 8 * 1024;

/// A broker that knows the keys of an issuer that is about to turn hostile.
struct RevokedToken {
    issuer: HostileIssuer,
    broker: BrokerProcess,
    peak: u64,
}

impl RevokedToken {
    async fn start() -> Self {
        let issuer = HostileIssuer::start().await;
        let broker = Setup::trusting(&issuer.url, &issuer.ca).start().await;
        let reply = broker.exchange(&issuer.id_token_by(&issuer.key)).await;
        assert_eq!(reply.status, 200, "the control: {}", reply.text);
        let peak = broker.peak_memory();
        Self { issuer, broker, peak }
    }

    /// An unknown `kid` makes the broker ask, and what it gets is of no use.
    async fn is_unavailable(&self, case: &str, why: &str) {
        let begun = Instant::now();
        let reply = self.broker.exchange(&self.issuer.unknown_kid()).await;
        assert!(begun.elapsed() < BOUND, "{case} took {:?}", begun.elapsed());
        assert_eq!(reply.reason(), "issuer_unavailable", "{case}: {}", reply.text);
        assert_eq!(reply.status, 503, "{case}");
        assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|wait| wait > 0), "{case}");
        assert!(!reply.text.contains(why), "{case}: callers do not learn what the issuer said");
        self.broker.until(&format!("{case} is logged as {why}"), || async { self.log_says(why) }).await;
        self.is_unharmed(case).await;
    }

    fn log_says(&self, why: &str) -> bool {
        let log = self.broker.log();
        let mut about = log.lines().filter(|line| line.contains("the keys could not be fetched"));
        about.any(|line| line.contains("\"whose\":\"issuers.github\"") && line.contains(why))
    }

    /// The known key serves on, and nothing grew.
    async fn is_unharmed(&self, case: &str) {
        let reply = self.broker.exchange(&self.issuer.id_token_by(&self.issuer.key)).await;
        assert_eq!(reply.status, 200, "{case}: the known key: {}", reply.text);
        let grown = self.broker.peak_memory().saturating_sub(self.peak);
        assert!(grown < GROWTH, "{case}: {grown} kB more");
        let log = self.broker.log();
        let longest = log.lines().map(str::len).max().unwrap_or(0);
        assert!(longest < 2_000, "{case}: a line of {longest} bytes in the log");
        assert!(!log.contains('\u{1b}') && !log.contains("\\u001b"), "{case}: control characters in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_documents_change_no_keys() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let many = format!("{{\"keys\":[{}{{}}]}}", "{\"kty\":\"RSA\",\"kid\":\"x\"},".repeat(20_000));
    let bomb = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let private = {
        let key = Key::rsa("private", "RS256", 2048);
        let mut private = serde_json::to_value(key.jwk.as_ref()).expect("JSON");
        private["kid"] = json!("private");
        json!({ "keys": [private] })
    };
    let escape = json!({ "keys": "\u{1b}[31m".repeat(10_000) });
    let rows = [
        ("HTML", Answer::ok("text/html", "", "<html>Not found</html>"), "text/html"),
        ("HTML called JSON", Answer::ok("application/json", "", "<html>"), "not a JSON Web Key Set"),
        (
            "no type at all",
            Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"keys\":[]}"),
            "not JSON",
        ),
        ("a long type", Answer::ok(&"x".repeat(10_000), "", "{}"), "not JSON"),
        ("no keys", Answer::json(&json!({ "keys": [] })), "no usable key among 0"),
        ("keys that are not a list", Answer::json(&json!({ "keys": {} })), "not a JSON Web Key Set"),
        ("a long string", Answer::json(&escape), "not a JSON Web Key Set"),
        ("no object", Answer::json(&json!([1])), "not a JSON Web Key Set"),
        (
            "no UTF-8",
            Answer::ok("application/json", "", b"{\"keys\":[\"\xff\xfe\"]}"),
            "not a JSON Web Key Set",
        ),
        ("nothing", Answer::ok("application/json", "", ""), "not a JSON Web Key Set"),
        ("deeply nested", Answer::ok("application/json", "", deep), "not a JSON Web Key Set"),
        ("many small entries", Answer::ok("application/json", "", many), "more than 262144 bytes"),
        ("only a private key", Answer::json(&private), "no usable key among 1"),
        ("compressed", Answer::ok("application/json", "content-encoding: gzip\r\n", bomb), "compressed"),
        (
            "a bomb by another name",
            Answer::ok("application/json", "content-encoding: br, gzip\r\n", bomb),
            "compressed",
        ),
        (
            "an odd encoding",
            Answer::ok("application/json", "content-encoding: \u{e9}\r\n", bomb),
            "compressed",
        ),
        ("500", Answer::raw("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"), "500"),
        ("204", Answer::raw("HTTP/1.1 204 No Content\r\n\r\n"), "204"),
        ("no HTTP", Answer::raw("\u{1b}[31mSSH-2.0-OpenSSH_9.9\r\n"), "HTTP with"),
        ("an empty answer", Answer::raw(""), "HTTP with"),
    ];
    for (case, answer, why) in rows {
        let victim = RevokedToken::start().await;
        victim.issuer.keys(answer);
        victim.is_unavailable(case, why).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_documents_are_aborted() {
    let at_once = Duration::ZERO;
    let chunked = || Answer::head("transfer-encoding: chunked\r\n");
    let chunk = format!("10000\r\n{}\r\n", "[".repeat(0x10000));
    let rows = [
        (
            "100 MB announced",
            Answer::head("content-length: 104857600\r\n").then_repeat(vec![b'['; 0x10000], at_once),
            "more than 262144 bytes",
        ),
        (
            "an absurd length",
            Answer::head("content-length: 18446744073709551615\r\n").then_hang(),
            "HTTP with",
        ),
        ("endless chunks", chunked().then_repeat(chunk, at_once), "more than 262144 bytes"),
        (
            "endless until closed",
            Answer::head("").then_repeat(vec![b' '; 0x10000], at_once),
            "more than 262144 bytes",
        ),
        (
            "endless header lines",
            Answer::raw("HTTP/1.1 200 OK\r\n").then_repeat("x-more: and more\r\n".repeat(256), at_once),
            "HTTP with",
        ),
        (
            "one endless header line",
            Answer::raw("HTTP/1.1 200 OK\r\nx-more: ").then_repeat("x".repeat(4096), at_once),
            "HTTP with",
        ),
        (
            "endless interim answers",
            Answer::raw("").then_repeat("HTTP/1.1 100 Continue\r\n\r\n", Duration::from_millis(10)),
            "no whole answer",
        ),
        ("cut in the middle", Answer::json(&jwks([keys::rsa()])).cut_after(200), "reading the document"),
        ("a cut chunk", chunked().then_repeat("5\r\nabc", Duration::from_secs(60)), "no whole answer"),
        ("silence after the head", Answer::head("content-length: 100\r\n").then_hang(), "no whole answer"),
        ("silence", Answer::raw("").then_hang(), "no whole answer"),
        (
            "one byte a second",
            Answer::head("content-length: 100000\r\n").then_repeat(" ", Duration::from_secs(1)),
            "no whole answer",
        ),
    ];
    // At the same time, because most of them take as long as they may.
    let mut cases = tokio::task::JoinSet::new();
    for (case, answer, why) in rows {
        cases.spawn(async move {
            let victim = RevokedToken::start().await;
            victim.issuer.keys(answer);
            victim.is_unavailable(case, why).await;
        });
    }
    while let Some(case) = cases.join_next().await {
        case.expect("it is as it should be");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_follows_no_redirect_to_another_host() {
    let untouched = Untouched::start().await;
    let elsewhere = format!("https://{}/jwks", untouched.authority);
    for status in [301, 302, 303, 307, 308] {
        for location in
            [elsewhere.as_str(), "https://169.254.169.254/latest/meta-data/", "http://169.254.169.254/"]
        {
            let case = format!("{status} to {location}");
            for redirect_keys in [false, true] {
                let victim = RevokedToken::start().await;
                let redirect = Answer::redirect(status, location);
                if redirect_keys {
                    victim.issuer.keys(redirect)
                } else {
                    victim.issuer.discovery(redirect)
                }
                victim.is_unavailable(&case, "redirects are not followed").await;
            }
        }
    }
    for jwks_uri in [
        elsewhere.clone(),
        elsewhere.replace("https", "http"),
        elsewhere.replace("127.0.0.1", "localhost"),
        "https://169.254.169.254/jwks".to_owned(),
        "https://[::ffff:169.254.169.254]/jwks".to_owned(),
        "file:///etc/passwd".to_owned(),
        format!("https://{}\u{1b}[31m/{}", untouched.authority, "x".repeat(100_000)),
    ] {
        let victim = RevokedToken::start().await;
        let mut discovery = victim.issuer.honest_discovery();
        discovery["jwks_uri"] = json!(jwks_uri);
        victim.issuer.discovery(Answer::json(&discovery));
        victim
            .is_unavailable(&jwks_uri[..jwks_uri.len().min(60)], "is not an https URL on the issuer's host")
            .await;
    }
    assert_eq!(untouched.connections(), 0, "someone else was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_document_and_impostor_change_no_keys() {
    let long = format!("https://evil.example/{}", "\u{1b}".repeat(200_000 / 6));
    for (case, issuer) in [("another issuer", "https://evil.example"), ("a long name", &long)] {
        let victim = RevokedToken::start().await;
        let mut discovery = victim.issuer.honest_discovery();
        discovery["issuer"] = json!(issuer);
        victim.issuer.discovery(Answer::json(&discovery));
        victim.is_unavailable(case, "not about this issuer").await;
    }
    let victim = RevokedToken::start().await;
    victim.issuer.show_another_certificate();
    victim.is_unavailable("another authority's certificate", "TLS with 127.0.0.1").await;
}

/// These sets are read: what is bad in them is skipped, and what is good serves.
#[tokio::test(flavor = "multi_thread")]
async fn bad_keys_do_not_affect_good_ones() {
    let fresh = Key::rsa("fresh", "RS256", 2048);
    let good = || vec![keys::rsa().public(), fresh.public()];
    let mut private = serde_json::to_value(Key::rsa("x", "RS256", 2048).jwk.as_ref()).expect("JSON");
    private["kid"] = json!("fresh-private");
    let weak = json!({ "kty": "RSA", "kid": "weak", "n": base64url([0xc5; 64]), "e": "AQAB" });
    let secret = Key::hmac("fresh", &[7; 32]).public();
    let namesakes: Vec<_> = (0..15)
        .map(|_| json!({ "kty": "RSA", "kid": "fresh", "n": base64url([0xc5; 256]), "e": "AQAB" }))
        .collect();
    let other_type = json!({ "kty": "OKP", "kid": "fresh", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let rows = [
        ("RSA of 512 bits", vec![weak]),
        ("an RS512 key of the same name", vec![Key::rsa("fresh", "RS512", 2048).public()]),
        ("a symmetric key of the same name", vec![secret]),
        ("a private key", vec![private]),
        ("10,000 entries", vec![json!({}); 50]),
        ("fifteen keys of the same name", namesakes),
        ("many keys of the same name and another type", vec![other_type; 80]),
        (
            "a name of 100 kB",
            vec![
                json!({ "kty": "RSA", "kid": "\u{1b}".repeat(16_000), "n": base64url([0xc5; 256]), "e": "AQAB" }),
            ],
        ),
    ];
    for (case, bad) in rows {
        let victim = RevokedToken::start().await;
        let padding = if case.starts_with("10,000") { vec![json!({}); 9_950] } else { Vec::new() };
        let entries = [bad, good(), padding].concat();
        victim.issuer.keys(Answer::json(&json!({ "keys": entries })));
        let reply = victim.broker.exchange(&victim.issuer.id_token_by(&fresh)).await;
        assert_eq!(reply.status, 200, "{case}: {}", reply.text);
        let reply = victim.broker.exchange(&victim.issuer.unknown_kid()).await;
        assert!([400, 503].contains(&reply.status.as_u16()), "{case}: {}", reply.text);
        victim.is_unharmed(case).await;
    }
}
