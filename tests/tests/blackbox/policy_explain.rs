//! `trustmint policy explain`: from an ID token or claims to the reasons, and the line to fix.

use serde_json::{Value, json};
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::issuer::changed;
use trustmint_tests::keys::stranger;
use trustmint_tests::workbench::{Said, run_with_input};
use trustmint_tests::{Issuer, Setup, Workbench, github};

const POLICIES: &str = r#"
[[policy]]
id = "widget-release"
issuer = "github"
registry = "pypi"
packages = ["widget"]
actions = ["publish"]
[policy.match]
repository_owner_id = "9100048"
repository_id = "48124571"
workflow_file = "release.yml"
environment = ["pypi", "production"]
ref = { glob = "refs/tags/v*" }
[[policy.deny]]
runner_environment = "self-hosted"

[[policy]]
id = "gadget-release"
issuer = "github"
registry = "pypi"
packages = ["gadget"]
actions = ["publish"]
[policy.match]
repository_owner_id = "9100048"
repository_id = "5"

[[deny]]
issuer = "github"
packages = ["secret"]
"#;

/// The release job of `acme/widget`, with some claims changed.
fn claims(changes: &Value) -> String {
    let mut claims = changed(github("https://token.actions.githubusercontent.com", AUDIENCE), changes);
    // What differs from run to run.
    for name in ["jti", "iat", "nbf", "exp", "run_id"] {
        claims[name] = json!(1);
    }
    claims.to_string()
}

/// What was printed, without the digest, which every change of the deciding code changes.
fn without_digest(text: &str) -> String {
    let hidden =
        |line: &str| if line.starts_with("snapshot ") { "snapshot  …".to_owned() } else { line.to_owned() };
    text.lines().map(hidden).collect::<Vec<_>>().join("\n")
}

fn explain(policies: &str, changes: &Value, more: &[&str]) -> Said {
    let bench = Workbench::with_policies(policies);
    let arguments = [&["policy", "explain", "--claims", "-"], more].concat();
    run_with_input(bench.path(), &arguments, &claims(changes))
}

#[test]
fn denial_is_explained_with_the_line_to_change() {
    let changes = json!({ "environment": "pypi-staging\u{1b}[2J", "event_name": "pull_request" });
    let said = explain(POLICIES, &changes, &[]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    insta::assert_snapshot!(without_digest(&said.out), @r#"
token     NOTHING WAS VERIFIED: anyone can have written these claims
identity  github|9100048|48124571
registry  pypi
policy    widget-release: 2 of 6 conditions do not hold  (policies/policies.toml:2)
  ok      repository_owner_id  "9100048"
  ok      repository_id        "48124571"
  ok      workflow_file        "release.yml"
  FAILED  environment          "pypi-staging�[2J", expected one of ["production", "pypi"]  (policies/policies.toml:12)
  ok      ref                  "refs/tags/v1.2.3"
  FAILED  event_name           "pull_request", expected one of ["push", "release", "workflow_dispatch", "schedule"]  (a rule of the issuer's kind)
deny      takes away secret  (policies/policies.toml:27)
policy    gadget-release: not considered, repository_id is "48124571", not "5"  (policies/policies.toml:17)
result    DENIED claim_mismatch: claim `environment` does not match: expected one of ["production", "pypi"], received "pypi-staging�[2J"
snapshot  …
fix       policies/policies.toml:12: the job has `environment` "pypi-staging�[2J"; change the job, or this line
fix       policies/policies.toml:2: the job has `event_name` "pull_request", which the issuer's kind allows only where a policy says so; change the job, or name it as `event_name` of this policy
"#);
}

#[test]
fn grant_is_explained() {
    let said = explain(POLICIES, &json!({}), &[]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    insta::assert_snapshot!(without_digest(&said.out), @r#"
token     NOTHING WAS VERIFIED: anyone can have written these claims
identity  github|9100048|48124571
registry  pypi
policy    widget-release: matches  (policies/policies.toml:2)
  ok      repository_owner_id  "9100048"
  ok      repository_id        "48124571"
  ok      workflow_file        "release.yml"
  ok      environment          "pypi"
  ok      ref                  "refs/tags/v1.2.3"
  ok      event_name           "push"
deny      takes away secret  (policies/policies.toml:27)
policy    gadget-release: not considered, repository_id is "48124571", not "5"  (policies/policies.toml:17)
result    ALLOWED package:widget:publish  for 900 s, by widget-release
snapshot  …
"#);
}

#[test]
fn each_denial_has_its_fix() {
    let whole = "[[deny]]\nregistry = \"pypi\"\n";
    for (policies, changes, scope, fix) in [
        (POLICIES, json!({ "ref": "refs/heads/main" }), None, "policies/policies.toml:13: the job has `ref`"),
        (POLICIES, json!({ "ref": null }), None, "policies/policies.toml:13: the job has no `ref`"),
        (
            POLICIES,
            json!({ "event_name": "pull_request" }),
            None,
            "policies/policies.toml:2: the job has `event_name` \"pull_request\", which the issuer's kind",
        ),
        (
            POLICIES,
            json!({ "runner_environment": "self-hosted" }),
            None,
            "policies/policies.toml:2: a deny of this policy applies: the job has `runner_environment`",
        ),
        (
            POLICIES,
            json!({ "repository_id": "6" }),
            None,
            "policies/policies.toml:17: the nearest policy, \"gadget-release\", pins another `repository_id`",
        ),
        (POLICIES, json!({ "repository_id": "6" }), None, "`trustmint policy scaffold` begins one"),
        (POLICIES, json!({ "event_name": "workflow_run" }), None, "`allow_events` of [issuers.github]"),
        (
            POLICIES,
            json!({}),
            Some("package:gadget:publish"),
            "policies/policies.toml:2: policy \"widget-release\" matches; add",
        ),
        (
            POLICIES,
            json!({}),
            Some("package:gadget:publish"),
            "policies/policies.toml:27: this deny takes away secret",
        ),
        (whole, json!({}), None, "`trustmint policy scaffold` begins one"),
        (
            &format!("{POLICIES}{whole}"),
            json!({}),
            None,
            "policies/policies.toml:30: this deny takes away every package",
        ),
    ] {
        let scope: Vec<_> = scope.iter().flat_map(|scope| ["--registry", "pypi", "--scope", scope]).collect();
        let said = explain(policies, &changes, &scope);
        assert_eq!(said.code, 1, "{}", said.err);
        let fixes: Vec<_> = said.out.lines().filter(|line| line.starts_with("fix ")).collect();
        assert!(fixes.iter().any(|line| line.contains(fix)), "{changes}: {fix}\n{}", said.out);
    }
}

#[test]
fn near_policies_are_listed_nearest_first_and_bounded() {
    let many: String = (0..20)
        .map(|number| {
            format!(
                "[[policy]]\nid = \"p{number:02}\"\nissuer = \"github\"\nregistry = \"pypi\"\npackages = [\"a\"]\nactions = [\"publish\"]\n\
                 [policy.match]\nrepository_owner_id = \"{}\"\nrepository_id = \"7\"\n",
                if number == 13 { 9_100_048 } else { 1 }
            )
        })
        .collect();
    let said = explain(&many, &json!({}), &["--format", "json"]);
    let explanation = &said.json()["explanations"][0];
    let near: Vec<_> = explanation["not_considered"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|near| near["id"].clone())
        .collect();
    assert_eq!(near, ["p13", "p00", "p01", "p02", "p03"]);
    assert_eq!(explanation["more_not_considered"], 15);
}

#[test]
fn explain_selects_registry_by_audience_or_flag() {
    let registries = |aud: Value, more: &[&str]| {
        let said = explain(POLICIES, &json!({ "aud": aud }), &[more, &["--format", "json"]].concat());
        let explanations = said.json()["explanations"].as_array().expect("a list").clone();
        explanations.iter().map(|one| one["registry"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(registries(json!("files.example.com"), &[]), ["files"]);
    assert_eq!(registries(json!(["pypi.example.com"]), &[]), ["pypi"]);
    assert_eq!(registries(json!("elsewhere"), &[]), ["pypi", "files"]);
    assert_eq!(registries(Value::Null, &["--registry", "files"]), ["files"]);
    for (arguments, complaint) in [
        (&["--registry", "npm"][..], "no registry \"npm\""),
        (&["--registry", "pypi", "--scope", "widget"], "a scope reads"),
    ] {
        let said = explain(POLICIES, &json!({}), arguments);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains(complaint), "{}", said.err);
    }
    let several = explain(POLICIES, &json!({ "aud": null }), &["--scope", "package:a:publish"]);
    assert!(several.code == 2 && several.err.contains("--registry"), "{}", several.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_explain_verifies_like_the_service() {
    let issuer = Issuer::start().await;
    let folder = tempfile::tempdir().expect("folder");
    Setup::new(&issuer).write(folder.path());
    let explain = |token: &str, more: &[&str]| {
        let arguments = [&["policy", "explain", "--token", "-"], more].concat();
        tokio::task::block_in_place(|| run_with_input(folder.path(), &arguments, &format!("{token}\n")))
    };
    let token = issuer.id_token(AUDIENCE);
    let said = explain(&token, &[]);
    assert_eq!(said.code, 0, "{} {}", said.out, said.err);
    assert!(said.out.starts_with("token     verified with the issuer's keys\n"), "{}", said.out);
    assert!(said.out.contains("ALLOWED package:widget:publish,create"), "{}", said.out);

    let forged = stranger().sign(&github(&issuer.url, AUDIENCE));
    let signature = token.rsplit('.').next().expect("a JWS");
    let foreign = issuer.id_token("elsewhere.example.com");
    let before = ["--at", "2020-01-01T00:00:00Z"];
    for (token, more, reason) in [
        (forged.as_str(), &[][..], "bad_signature"),
        (&foreign, &[], "wrong_audience"),
        (&token, &before, "not_yet_valid"),
        ("eyJ.no.token", &[], "malformed_token"),
    ] {
        let said = explain(token, more);
        assert_eq!(said.code, 1, "{reason}: {} {}", said.out, said.err);
        assert!(said.out.starts_with(&format!("result    DENIED {reason}")), "{reason}: {}", said.out);
        assert!(!said.out.contains(signature) && !said.err.contains(token), "nothing repeats a token");
    }
    let unverified = explain(&forged, &["--no-verify"]);
    assert_eq!(unverified.code, 0);
    assert!(unverified.out.starts_with("token     NOTHING WAS VERIFIED"), "{}", unverified.out);
    assert_eq!(explain(&forged, &["--no-verify", "--format", "json"]).json()["verified"], false);

    issuer.set_down(true);
    assert_eq!(explain(&token, &[]).code, 3, "the keys cannot be fetched");
    // A token in the place of a file's name is not repeated either.
    let mistaken = run_with_input(folder.path(), &["policy", "explain", "--token", &token], "");
    assert_eq!(mistaken.code, 2);
    assert!(!mistaken.err.contains(&token) && !mistaken.out.contains(&token), "{}", mistaken.err);
}

#[test]
fn policy_explain_wrong_usage_exits_2() {
    let bench = Workbench::with_policies(POLICIES);
    for (arguments, input) in [
        (&["policy", "explain"][..], ""),
        (&["policy", "explain", "--claims", "-", "--token", "-"], ""),
        (&["policy", "explain", "--claims", "-", "--no-verify"], "{}"),
        (&["policy", "explain", "--claims", "-"], "[1]"),
        (&["policy", "explain", "--claims", "-"], r#"{"a":1,"a":2}"#),
        (&["policy", "explain", "--claims", "nowhere.json"], ""),
        (&["policy", "explain", "--claims", "-", "--config", "nowhere.toml"], "{}"),
    ] {
        assert_eq!(run_with_input(bench.path(), arguments, input).code, 2, "{arguments:?} {input}");
    }
    let unknown = run_with_input(bench.path(), &["policy", "explain", "--claims", "-"], "{}");
    assert!(unknown.code == 1 && unknown.out.contains("unknown_issuer"), "{}", unknown.out);
}
