//! `trustmint issuer check`: what an operator learns about an issuer, and how it ends.

use std::path::Path;
use std::time::{Duration, SystemTime};

use josekit::jwk::alg::ec::EcCurve;
use serde_json::{Value, json};
use tempfile::TempDir;
use trustmint_tests::broker::{headers, run};
use trustmint_tests::keys::{self, Key, jwks};
use trustmint_tests::raw_keys::RawRsa;
use trustmint_tests::{Issuer, Setup};

/// An operator's folder, whose configuration is the usual one after `change`.
fn folder(issuer: &Issuer, change: impl FnOnce(&mut Setup)) -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let mut setup = Setup::new(issuer);
    change(&mut setup);
    setup.write(folder.path());
    folder
}

/// Exit code and what was said, with the issuer's address taken out.
fn check(folder: &Path, issuer: &Issuer, arguments: &[&str]) -> (i32, String) {
    let (code, said, complained) = run(folder, &[&["issuer", "check"], arguments].concat());
    (code, format!("{complained}{said}").replace(&issuer.url, "https://issuer"))
}

/// The report as JSON.
fn report(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, said, _) = run(folder, &[&["issuer", "check", "--format", "json"], arguments].concat());
    (code, serde_json::from_str(&said).expect("JSON"))
}

/// `code severity` of every finding about the first issuer.
fn findings(report: &Value) -> Vec<String> {
    let findings = report["issuers"][0]["findings"].as_array().expect("findings");
    let text = |finding: &Value, name: &str| finding[name].as_str().expect("text").to_owned();
    findings
        .iter()
        .map(|finding| format!("{} {}", text(finding, "code"), text(finding, "severity")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_issuer_is_fine() {
    let issuer = Issuer::start().await;
    let folder = folder(&issuer, |_| {});
    let (code, said) = check(folder.path(), &issuer, &[]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(said, @r#"
github: fine
  issuer      https://issuer
  kind        github
  pins        repository_owner_id, repository_id
  discovery   ok
  keys        https://issuer/jwks
              rsa-1  RSA 2048  RS256
  advertised  RS256
  accepted    RS256, ES256
  refreshed   every 1h (the issuer does not say)
  note        ids-per-instance: its ids are counted by this instance: the same id at another issuer is somebody else
"#);
    let (code, said) = check(folder.path(), &issuer, &["github", "--format", "json"]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(said, @r#"
{
  "issuers": [
    {
      "id": "github",
      "url": "https://issuer",
      "kind": "github",
      "outcome": "fine",
      "discovery": "ok",
      "keys_at": "https://issuer/jwks",
      "keys": [
        {
          "kid": "rsa-1",
          "form": "RSA 2048",
          "algorithms": [
            "RS256"
          ],
          "passed_over": null,
          "certificates": 0,
          "dates": {}
        }
      ],
      "algorithms_advertised": [
        "RS256"
      ],
      "algorithms_accepted": [
        "RS256",
        "ES256"
      ],
      "cache_max_age": null,
      "refresh_after": 3600,
      "unchanged_since": null,
      "cached_for": null,
      "claims_advertised": 0,
      "pins": [
        "repository_owner_id",
        "repository_id"
      ],
      "lines": null,
      "findings": [
        {
          "code": "ids-per-instance",
          "severity": "note",
          "message": "its ids are counted by this instance: the same id at another issuer is somebody else",
          "help": null
        }
      ]
    }
  ]
}
"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_is_shown_with_what_becomes_of_it() {
    let issuer = Issuer::start().await;
    let folder = folder(&issuer, |_| {});
    let ec = Key::ec("ec-1", "ES256", EcCurve::P256);
    let mut keys = jwks([keys::rsa(), &ec]);
    let list = keys["keys"].as_array_mut().expect("keys");
    list[1]["nbf"] = json!(1_790_000_000);
    list[1]["exp"] = json!(u64::MAX);
    list[1]["x5c"] = json!(["MA=="]);
    list.push(RawRsa::new("short", 1024).public(3));
    list.push(json!({ "kty": "oct", "kid": "secret", "k": "aHVudGVyMg" }));
    list.push(json!({ "kty": "\u{1b}[31mred", "kid": "\u{1b}]0;owned\u{7}\u{202e}\u{9b}2J" }));
    list.push(json!({ "kty": "EC", "kid": "k".repeat(10_000) }));
    list.push(json!(7));
    list.push(ec.public());
    issuer.publish(keys);
    let (code, said) = check(folder.path(), &issuer, &["github"]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(said, @r#"
github: fine, with a warning
  issuer      https://issuer
  kind        github
  pins        repository_owner_id, repository_id
  discovery   ok
  keys        https://issuer/jwks
              rsa-1                                                              RSA 2048       RS256
              ec-1                                                               P-256          ES256; nbf 2026-09-21T14:13:20Z; x5c has 1, not looked at
              short                                                              RSA 1024       passed over: RSA of less than 2048 or more than 4096 bits
              secret                                                             oct            passed over: a private or symmetric key
              \u{1b}]0;owned\u{7}\u{202e}\u{9b}2J                                \u{1b}[31mred  passed over: a key type that is not supported
              kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk…  EC             passed over: a key type that is not supported
              (no kid)                                                           no `kty`       passed over: not a well-formed JWK
              ec-1                                                               P-256          ES256
  advertised  RS256
  accepted    RS256, ES256
  refreshed   every 1h (the issuer does not say)
  warning     keys-skipped: 5 of its 8 keys cannot be used; tokens that they sign are refused
              help: tell whoever runs the issuer, if jobs sign with them
  note        duplicate-kid: several of its keys are called "ec-1"; each of them is tried
  note        ids-per-instance: its ids are counted by this instance: the same id at another issuer is somebody else
"#);
    let (_, json) = check(folder.path(), &issuer, &["github", "--format", "json"]);
    for text in [said, json] {
        let obeyed = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
        assert!(!text.contains(obeyed), "{text:?}");
        assert!(!text.contains("aHVudGVyMg"), "no key material: {text}");
    }
    let (code, _) = check(folder.path(), &issuer, &["github", "--deny-warnings"]);
    assert_eq!(code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_seen() {
    let issuer = Issuer::start().await;
    let folder = folder(&issuer, |_| {});
    let kids = || {
        let (code, report) = report(folder.path(), &["github"]);
        let keys = report["issuers"][0]["keys"].as_array().expect("keys").clone();
        (code, keys.iter().map(|key| key["kid"].as_str().expect("kid").to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(kids(), (0, vec!["rsa-1".to_owned()]));
    issuer.publish(jwks([&Key::rsa("rsa-2", "RS256", 2048)]));
    assert_eq!(kids(), (0, vec!["rsa-2".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_cannot_work_is_a_finding() {
    let issuer = Issuer::start().await;
    let url = issuer.url.as_str();
    let localhost = url.replace("127.0.0.1", "localhost");
    for (what, from, to, expected) in [
        ("a trailing slash", format!("{url}\""), format!("{url}/\""), "trailing-slash"),
        ("another name", url.to_owned(), localhost, "wrong-issuer"),
        ("a path", format!("{url}\""), format!("{url}/elsewhere\""), "refused-answer"),
        ("no keys there", "kind".to_owned(), format!("jwks_uri = \"{url}/nothing\"\nkind"), "refused-answer"),
        (
            "no keys but a document",
            "kind".to_owned(),
            format!("jwks_uri = \"{url}/.well-known/openid-configuration\"\nkind"),
            "unreadable-document",
        ),
        ("a private address", "allow_private".to_owned(), "# ".to_owned(), "private-address"),
        ("other algorithms", "kind".to_owned(), "algorithms = [\"ES256\"]\nkind".to_owned(), "no-key-fits"),
    ] {
        let folder = folder(&issuer, |setup| setup.issuers = setup.issuers.replacen(&from, &to, 1));
        let (code, report) = report(folder.path(), &["github"]);
        assert_eq!(code, 1, "{what}: {report}");
        assert_eq!(report["issuers"][0]["outcome"], "finding", "{what}");
        assert!(findings(&report).contains(&format!("{expected} error")), "{what}: {report}");
    }
    let usual = folder(&issuer, |_| {});
    issuer.announce(json!({ "jwks_uri": "https://169.254.169.254/jwks" }));
    let (code, elsewhere) = report(usual.path(), &[]);
    assert_eq!((code, findings(&elsewhere)[0].as_str()), (1, "keys-elsewhere error"), "{elsewhere}");
    issuer.announce(json!({ "issuer": "\u{1b}[2J".repeat(10_000) }));
    let (code, said) = check(usual.path(), &issuer, &[]);
    assert!(code == 1 && said.contains("wrong-issuer") && !said.contains('\u{1b}'), "{said:?}");
    assert!(said.len() < 2_000, "{said}");
    issuer.announce(json!({}));
    issuer.publish(json!({ "keys": [{ "kty": "oct", "k": "AA", "kid": "1" }] }));
    let (code, report) = report(usual.path(), &[]);
    assert_eq!((code, findings(&report)[0].as_str()), (1, "no-usable-key error"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_issuer_says_about_itself_is_told() {
    let issuer = Issuer::start().await;
    let folder = folder(&issuer, |_| {});
    issuer.publish(jwks([&issuer.key, &Key::ed("ed-1")]));
    issuer.announce(json!({
        "claims_supported": ["sub", "repository_id"],
        "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "EdDSA"],
    }));
    issuer.publish_with(headers(&[
        ("content-type", "application/odd+json"),
        ("cache-control", "public, max-age=60"),
        ("last-modified", "Sat, 21 Nov 2026 10:00:00 GMT"),
        ("age", "17"),
    ]));
    let (code, said) = check(folder.path(), &issuer, &[]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(said, @r#"
github: fine, with 2 warnings
  issuer      https://issuer
  kind        github
  pins        repository_owner_id, repository_id
  discovery   ok
  keys        https://issuer/jwks
              rsa-1  RSA 2048  RS256
              ed-1   Ed25519   EdDSA
  advertised  none, HS256, RS256, EdDSA
  accepted    RS256, ES256
  refreshed   every 5m (the issuer says max-age=60)
  unchanged   since Sat, 21 Nov 2026 10:00:00 GMT
  cached      for 17s on the way
  warning     algorithm-not-accepted: it has keys for EdDSA, says that it signs with it, and it is not accepted
              help: add it to `algorithms` of [issuers.github], if its tokens are signed so
  warning     unusual-content-type: its key set is served as "application/odd+json", which others may refuse
  note        no-jti: it does not say that its tokens have `jti`; where they have none, what tells a replay is the hash of what was signed
  note        pins-not-advertised: its discovery document does not list `repository_owner_id`, which every policy pins
              help: look at a real token: many platforms list their claims incompletely
  note        ids-per-instance: its ids are counted by this instance: the same id at another issuer is somebody else
"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_is_not_reached() {
    let issuer = Issuer::start().await;
    let configured = folder(&issuer, |_| {});
    issuer.set_down(true);
    let (code, report_down) = report(configured.path(), &[]);
    assert_eq!((code, findings(&report_down)[0].as_str()), (3, "unreachable error"), "{report_down}");
    issuer.set_down(false);
    assert_eq!(report(configured.path(), &[]).0, 0);

    // What certainly cannot work outweighs what was not reached.
    issuer.set_down(true);
    let both = folder(&issuer, |setup| {
        setup.issuers.push_str("[issuers.inside]\nkind = \"gitlab\"\nurl = \"https://10.0.0.1\"\n");
    });
    let (code, said) = check(both.path(), &issuer, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("asking github, inside\n"), "{said}");
    assert!(said.contains("github: could not be reached") && said.contains("inside: cannot work"), "{said}");
    // Another authority signed its certificate: no TLS, and nothing is known.
    let stranger = Issuer::start().await;
    let strange =
        folder(&issuer, |setup| setup.files = vec![("issuer-ca.pem".to_owned(), stranger.ca.clone())]);
    issuer.set_down(false);
    assert_eq!(report(strange.path(), &[]).0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told_from_findings() {
    let issuer = Issuer::start().await;
    let folder = folder(&issuer, |_| {});
    for (arguments, expected) in [
        (&["githbu"][..], "did you mean \"github\"?"),
        (&["other"], "there are github"),
        (&["http://ci.example"], "an issuer is https"),
        (&["https://CI.example"], "write \"https://ci.example\""),
        (&["https://ci.example\" \n"], "error: `url` cannot be"),
        (&["https://ci.example/?x"], "no query"),
        (&["https://user:hunter2@ci.example"], "credentials"),
        (&["https://ci.example", "--ca-file", "nowhere.pem"], "nowhere.pem"),
        (&["github", "--allow-private", "10.0.0.0/8"], "are for a URL"),
        (&["https://ci.example", "--allow-private", "10.0.0.0/33"], "10.0.0.0/33"),
        (&["--config", "nowhere.toml"], "nowhere.toml"),
        (&["https://ci.example", "--config", "nowhere.toml"], "nowhere.toml"),
        (&["--format", "yaml"], "yaml"),
    ] {
        let (code, said) = check(folder.path(), &issuer, arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_not_configured_is_shown_with_the_lines_to_write() {
    let issuer = Issuer::start().await;
    let bare = tempfile::tempdir().expect("folder");
    std::fs::write(bare.path().join("ca.pem"), &issuer.ca).expect("file");
    let url = issuer.url.as_str();
    let (code, said) =
        check(bare.path(), &issuer, &[url, "--ca-file", "ca.pem", "--allow-private", "127.0.0.0/8"]);
    assert_eq!(code, 0, "{said}");
    let (_, lines) = said.split_once("to configure it, write\n\n").expect("lines");
    insta::assert_snapshot!(lines, @r#"
[issuers.127-0-0-1]
kind = "oidc"      # or the platform's kind, if it is one that you host
url  = "https://issuer"
pins = ["sub"]     # claims that it never gives to somebody else
ca_file = "ca.pem"
allow_private = ["127.0.0.0/8"]
"#);

    // They are what works.
    let lines = lines.replace("https://issuer", url);
    let written = folder(&issuer, |setup| {
        setup.issuers = lines.clone();
        setup.policies.clear();
        setup.files.push(("ca.pem".to_owned(), issuer.ca.clone()));
    });
    assert_eq!(check(written.path(), &issuer, &[]).0, 0);
    // Configured or not, the same URL is the same issuer.
    let (code, said) = check(written.path(), &issuer, &[url]);
    assert_eq!((code, said.contains("to configure it")), (0, false), "{said}");

    let (_, said) = check(bare.path(), &issuer, &["https://token.actions.githubusercontent.com/acme"]);
    assert!(said.contains("[issuers.github]\n    kind = \"github\"\n    url  = \"https://token"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_a_file_are_checked_too() {
    let issuer = Issuer::start().await;
    let folder = folder(&issuer, |setup| {
        setup.issuers = format!(
            "[issuers.farm]\nkind = \"oidc\"\nurl = \"{}\"\npins = [\"sub\"]\nkeys_file = \"farm.json\"\n",
            issuer.url
        );
        setup.files.push(("farm.json".to_owned(), jwks([keys::rsa()]).to_string()));
        setup.policies.clear();
    });
    let (code, said) = check(folder.path(), &issuer, &["--deny-warnings"]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(said, @r#"
farm: fine
  issuer      https://issuer
  kind        oidc
  pins        sub
  keys        farm.json
              rsa-1  RSA 2048  RS256
  accepted    RS256, ES256
"#);
    let file = std::fs::File::options().write(true).open(folder.path().join("farm.json")).expect("file");
    #[allow(clippy::disallowed_methods, reason = "the file's age is by the wall clock")]
    let long_ago = SystemTime::now() - Duration::from_secs(100 * 86_400);
    file.set_modified(long_ago).expect("modified");
    let (code, report) = report(folder.path(), &["farm", "--deny-warnings"]);
    assert_eq!((code, findings(&report)), (1, vec!["keys-file-old warning".to_owned()]));
    assert_eq!(issuer.connections(), 0, "nothing is fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_risk_that_was_configured_is_told() {
    let issuer = Issuer::start().await;
    let keys_elsewhere = issuer.url.replace("127.0.0.1", "localhost");
    for (line, expected) in [
        ("max_age = \"2h\"".to_owned(), "long-max-age warning"),
        ("allow_events = [\"workflow_run\"]".to_owned(), "events-allowed warning"),
        (format!("jwks_uri = \"{keys_elsewhere}/jwks\""), "keys-on-another-host warning"),
    ] {
        let folder = folder(&issuer, |setup| setup.issuers.push_str(&format!("{line}\n")));
        let (code, report) = report(folder.path(), &["github"]);
        assert_eq!(code, 0, "{line}: {report}");
        assert!(findings(&report).contains(&expected.to_owned()), "{line}: {report}");
        assert_eq!(run(folder.path(), &["issuer", "check", "--deny-warnings"]).0, 1, "{line}");
    }
    issuer.publish(jwks([&issuer.key, &Key::ed("ed-1"), &issuer.key]));
    let usual = folder(&issuer, |_| {});
    let (_, said) = report(usual.path(), &[]);
    assert!(findings(&said).contains(&"duplicate-kid note".to_owned()), "{said}");

    // What a platform is known for is told whether or not it answers.
    let uuid = "f0e1d2c3-b4a5-4968-8778-695a4b3c2d1e";
    for (url, expected) in [
        (format!("https://vstoken.dev.azure.com/{uuid}"), "issuer-retires warning"),
        (format!("https://oidc.circleci.com/org/{uuid}"), "tenant-not-proven note"),
    ] {
        let (_, said) = report(usual.path(), &[&url]);
        assert!(findings(&said).contains(&expected.to_owned()), "{url}: {said}");
    }
    let shared = folder(&issuer, |setup| {
        let lines = "kind = \"azure-devops\"\naccept_shared_audience = true\n";
        setup.issuers = setup.issuers.replace("kind = \"github\"\n", lines);
        setup.policies.clear();
    });
    let (code, said) = report(shared.path(), &[]);
    assert!(code == 0 && findings(&said).contains(&"shared-audience warning".to_owned()), "{said}");
}
