//! With which code it ends.

use serde_json::json;
use trustmint_tests::Issuer;
use trustmint_tests::keys::{Key, jwks};

use super::{check, findings, folder, report};

#[tokio::test(flavor = "multi_thread")]
async fn issuer_check_sees_a_rotation() {
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
async fn unusable_issuer_is_a_finding() {
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
async fn issuer_that_is_down_exits_3() {
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
async fn wrong_usage_differs_from_findings() {
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
