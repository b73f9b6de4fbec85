//! What is shown about an issuer.

use josekit::jwk::alg::ec::EcCurve;
use serde_json::json;
use trustmint_tests::Issuer;
use trustmint_tests::broker::headers;
use trustmint_tests::keys::{self, Key, jwks};
use trustmint_tests::raw_keys::RawRsa;

use super::{check, folder};

#[tokio::test(flavor = "multi_thread")]
async fn good_issuer_has_no_finding() {
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
  note        ids-per-instance: its ids are counted by this instance: the same id at another issuer is someone else
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
          "skipped": null,
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
          "message": "its ids are counted by this instance: the same id at another issuer is someone else",
          "help": null
        }
      ]
    }
  ]
}
"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn issuer_check_shows_each_key_and_its_use() {
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
              short                                                              RSA 1024       skipped: RSA of less than 2048 or more than 4096 bits
              secret                                                             oct            skipped: a private or symmetric key
              \u{1b}]0;owned\u{7}\u{202e}\u{9b}2J                                \u{1b}[31mred  skipped: a key type that is not supported
              kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk…  EC             skipped: a key type that is not supported
              (no kid)                                                           no `kty`       skipped: not a well-formed JWK
              ec-1                                                               P-256          ES256
  advertised  RS256
  accepted    RS256, ES256
  refreshed   every 1h (the issuer does not say)
  warning     keys-skipped: 5 of its 8 keys cannot be used; tokens that they sign are refused
              help: tell anyone who runs the issuer, if jobs sign with them
  note        duplicate-kid: several of its keys are called "ec-1"; each of them is tried
  note        ids-per-instance: its ids are counted by this instance: the same id at another issuer is someone else
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
async fn issuer_check_shows_the_discovery_document() {
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
  note        ids-per-instance: its ids are counted by this instance: the same id at another issuer is someone else
"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn issuer_check_suggests_configuration_lines() {
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
pins = ["sub"]     # claims that it never gives to someone else
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
