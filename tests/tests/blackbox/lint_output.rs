//! How `policy check` tells what it finds: to people, programs, code scanning and pull requests.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use trustmint_tests::broker::run;
use trustmint_tests::{Issuer, Setup};

const CONFIGURATION: &str = include_str!("../../lint/trustmint.toml");
const MISSING_PIN: &str = include_str!("../../lint/E003/fail.toml");
const ANY_TAG: &str = include_str!("../../lint/W108/fail.toml");
const FINE: &str = include_str!("../../lint/W115/pass.toml");

/// A folder with a configuration and these policies.
fn folder(policies: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("trustmint.toml"), CONFIGURATION).expect("configuration");
    std::fs::create_dir(folder.path().join("policies")).expect("folder");
    for (name, text) in policies {
        std::fs::write(folder.path().join("policies").join(name), text).expect("policies");
    }
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    run(folder, &[&["policy", "check"], arguments].concat())
}

#[test]
fn human_output_shows_line_and_help() {
    let folder = folder(&[("a.toml", ANY_TAG), ("b.toml", &FINE.replace("\"release\"", "\"fine\""))]);
    let (code, said, complained) = check(folder.path(), &[]);
    assert_eq!(code, 0);
    let said = said.split(", digest ").collect::<Vec<_>>();
    assert_eq!((said[0], said[1].ends_with(", 2 warnings\n")), ("policies: 3 policies", true), "{said:?}");
    insta::assert_snapshot!(complained, @r#"
warning[W108]: anyone who may push a tag may publish, with whatever workflow is in it
  --> policies/a.toml:11:1
   |
11 | ref = { glob = "refs/tags/*" }
   | ^^^
   = help: fix the workflow's file or the environment too, or require `ref_protected = "true"`

warning[W108]: anyone who may push a tag may publish, with whatever workflow is in it
  --> policies/a.toml:23:1
   |
23 | ref_type = "tag"
   | ^^^^^^^^
   = help: fix the workflow's file or the environment too, or require `ref_protected = "true"`
"#);
}

#[test]
fn github_output_annotates_the_pull_request() {
    let folder = folder(&[("a.toml", ANY_TAG)]);
    let (_, said, complained) = check(folder.path(), &["--format", "github"]);
    assert_eq!(complained, "");
    insta::assert_snapshot!(said, @r#"
::warning file=policies/a.toml,line=11,col=1,endColumn=4,title=W108 AnyTag::anyone who may push a tag may publish, with whatever workflow is in it%0Ahelp: fix the workflow's file or the environment too, or require `ref_protected = "true"`
::warning file=policies/a.toml,line=23,col=1,endColumn=9,title=W108 AnyTag::anyone who may push a tag may publish, with whatever workflow is in it%0Ahelp: fix the workflow's file or the environment too, or require `ref_protected = "true"`
"#);
}

#[test]
fn json_output_is_complete() {
    let folder = folder(&[("a.toml", MISSING_PIN)]);
    let (code, said, complained) = check(folder.path(), &["--format", "json"]);
    assert_eq!((code, complained.as_str()), (1, ""));
    let found: Value = serde_json::from_str(&said).expect("JSON");
    insta::assert_snapshot!(serde_json::to_string_pretty(&found).expect("JSON"), @r#"
{
  "accepted": 0,
  "errors": 1,
  "findings": [
    {
      "code": "E003",
      "column": 1,
      "end_column": 11,
      "file": "policies/a.toml",
      "help": "write `repository_id = \"…\"`; every policy of issuer \"github\" pins repository_owner_id and repository_id",
      "line": 1,
      "message": "[policy.match] does not pin `repository_id`: names can be taken over, ids cannot",
      "name": "MissingPin",
      "severity": "error"
    }
  ],
  "left_out": 0,
  "warnings": 0
}
"#);
}

#[test]
fn exit_codes_distinguish_findings_from_bad_configuration() {
    for (policies, arguments, expected) in [
        (FINE, &["--deny-warnings"][..], 0),
        (ANY_TAG, &[], 0),
        (ANY_TAG, &["--deny-warnings"], 1),
        (MISSING_PIN, &[], 1),
        (FINE, &["--format", "xml"], 2),
        (FINE, &["--config", "nowhere.toml"], 2),
        (FINE, &["--config", "nowhere.toml", "--format", "sarif"], 2),
        (FINE, &["nowhere"], 1),
    ] {
        let (code, said, complained) = check(folder(&[("a.toml", policies)]).path(), arguments);
        assert_eq!(code, expected, "{arguments:?}: {said}{complained}");
    }
}

#[test]
fn warnings_can_be_accepted_errors_cannot() {
    let accepted = |lines: &str| {
        let text =
            format!("{}\n[policy.accept]\n{lines}\n", ANY_TAG.split("\n\n[[policy]]").next().expect("one"));
        check(folder(&[("a.toml", &text)]).path(), &["--format", "json", "--deny-warnings"])
    };
    let (code, said, _) = accepted("W108 = \"a tag ruleset lets two people push\"");
    let found: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((code, &found["warnings"], &found["accepted"]), (0, &Value::from(0), &Value::from(1)));
    assert_eq!(found["findings"][0]["accepted"], "a tag ruleset lets two people push");
    for (lines, message) in [
        ("W108 = \"\"", "say why `W108` is accepted"),
        ("W108 = true", "must be a string"),
        ("E003 = \"no\"", "E003 is an error; it cannot be accepted"),
        ("W999 = \"no\"", "there is no finding `W999`"),
    ] {
        let (code, said, _) = accepted(lines);
        assert_eq!(code, 1, "{lines}");
        assert!(said.contains(message), "{lines}: {said}");
    }
}

/// Whether there is anything to accept depends on the day.
#[test]
fn expiry_can_be_accepted_in_advance() {
    let text = FINE.replacen("[policy.match]", "expires = 2999-01-01\n\n[policy.match]", 1);
    let accepted = format!("{text}\n[policy.accept]\nW123 = \"the project ends then\"\n");
    let (code, said, complained) = check(folder(&[("a.toml", &accepted)]).path(), &["--deny-warnings"]);
    assert_eq!(code, 0, "{said}{complained}");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_starts_and_logs_policy_warnings() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).policies(ANY_TAG).start().await;
    assert!(broker.log().contains("warning[W108]: "), "{}", broker.log());
}

#[test]
fn accepting_a_warning_changes_no_decision() {
    let digest = |text: &str| {
        let (_, said, _) = check(folder(&[("a.toml", text)]).path(), &[]);
        said.split("digest ").nth(1).expect("a digest").chars().take(71).collect::<String>()
    };
    let bare = include_str!("../../lint/W105/fail.toml");
    assert_eq!(
        digest(bare),
        digest(&format!("{bare}\n[policy.accept]\nW105 = \"two people have access\"\n"))
    );
}

#[test]
fn configuration_warnings_do_not_stop_the_service() {
    let folder = folder(&[("a.toml", ANY_TAG)]);
    let lax = CONFIGURATION.replacen("kind = \"github\"", "kind = \"github\"\nmax_age = \"2h\"", 1);
    std::fs::write(folder.path().join("trustmint.toml"), lax).expect("configuration");
    let (code, said, complained) = run(folder.path(), &["config", "check"]);
    assert_eq!(code, 0, "{complained}");
    assert!(said.contains("fine, with 2 policies"), "{said}");
    for warning in ["warning[W120]: trustmint.toml:8:11", "warning[W108]: policies/a.toml:11:1"] {
        assert!(complained.contains(warning), "{warning}: {complained}");
    }
}

#[test]
fn findings_name_files_relative_to_the_repository() {
    let folder = folder(&[("a b.toml", ANY_TAG)]);
    std::fs::create_dir(folder.path().join("deploy")).expect("folder");
    let elsewhere = CONFIGURATION.replace("path = \"policies\"", "path = \"../policies\"");
    std::fs::write(folder.path().join("deploy/trustmint.toml"), elsewhere).expect("configuration");
    let named =
        |format: &str| check(folder.path(), &["--config", "deploy/trustmint.toml", "--format", format]).1;
    assert!(named("github").contains("file=policies/a b.toml,"), "{}", named("github"));
    assert!(named("json").contains("\"policies/a b.toml\""), "{}", named("json"));
    assert!(named("sarif").contains("\"policies/a%20b.toml\""), "{}", named("sarif"));
}
