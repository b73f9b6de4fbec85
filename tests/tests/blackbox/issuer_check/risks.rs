//! What works, and should be known all the same.

use std::time::{Duration, SystemTime};

use trustmint_tests::Issuer;
use trustmint_tests::broker::run;
use trustmint_tests::keys::{self, Key, jwks};

use super::{check, findings, folder, report};

#[tokio::test(flavor = "multi_thread")]
async fn issuer_check_checks_keys_files() {
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
async fn issuer_check_reports_each_configured_risk() {
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
