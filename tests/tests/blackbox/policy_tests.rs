//! `trustmint policy test`: what the tests of policies show, and what they would miss.

use std::path::Path;

use serde_json::{Value, json};
use trustmint::identity::{Claims, Kind};
use trustmint_tests::Workbench;
use trustmint_tests::workbench::run_with_input;

const POLICY: &str = r#"
[[policy]]
id = "widget"
issuer = "github"
registry = "pypi"
packages = ["widget", "gadget"]
actions = ["publish"]
[policy.match]
repository_owner_id = "9100048"
repository_id = "48124571"
workflow_file = "release.yml"
ref = { glob = "refs/tags/v*" }
[[policy.deny]]
runner_environment = "self-hosted"
"#;

/// Another policy for the same repository.
fn other(packages: &str, more: &str) -> String {
    format!(
        "[[policy]]\nid = \"other\"\nissuer = \"github\"\nregistry = \"pypi\"\npackages = [{packages}]\n\
         actions = [\"publish\"]\n[policy.match]\nrepository_owner_id = \"9100048\"\nrepository_id = \"48124571\"\n{more}\n"
    )
}

/// Runs one test of the policy, among other policies: whether it passed, and what was decided.
fn outcome(test: &str, others: &str) -> (bool, String) {
    let bench = Workbench::with_policies(&format!("{POLICY}[[policy.test]]\nname = \"t\"\n{test}\n{others}"));
    let said = bench.run(&["policy", "test", "--format", "json"]);
    assert!(said.code < 2, "{}", said.err);
    let results = said.json();
    let policies = results["policies"].as_array().expect("policies");
    let widget = policies.iter().find(|policy| policy["policy"] == "widget").expect("ours");
    let test = &widget["tests"][0];
    let passed = test["passed"].as_bool().expect("passed");
    assert_eq!(said.code == 0, passed && results["counts"]["unsatisfiable"] == 0, "{results}");
    (passed, test["said"].as_str().expect("said").to_owned())
}

#[test]
fn policy_test_passes_only_on_the_expected_decision() {
    let both = "allowed package:gadget:publish package:widget:publish";
    for (test, expected, said) in [
        ("expect = \"allow\"", true, both),
        ("expect = \"deny\"", false, both),
        ("claims = { ref = \"refs/tags/v9\" }\nexpect = \"allow\"", true, both),
        ("claims = { ref = \"refs/heads/main\" }\nexpect = \"deny\"", true, "claim_mismatch"),
        ("claims = { ref = \"refs/heads/main\" }\nexpect = \"allow\"", false, "claim_mismatch"),
        ("claims = { ref = 5 }\nexpect = \"deny\"", true, "claim_mismatch"),
        ("absent = [\"ref\"]\nexpect = \"deny\"\nreason = \"claim_mismatch\"", true, "claim_mismatch"),
        ("absent = [\"ref\"]\nexpect = \"deny\"\nreason = \"denied_by_policy\"", false, "claim_mismatch"),
        ("claims = { workflow_file = \"test.yml\" }\nexpect = \"deny\"", true, "claim_mismatch"),
        ("absent = [\"workflow_file\"]\nexpect = \"deny\"", true, "claim_mismatch"),
        ("absent = [\"workflow_ref\"]\nexpect = \"deny\"", true, "claim_mismatch"),
        ("claims = { repository = \"acme/renamed\" }\nexpect = \"allow\"", true, both),
        (
            "claims = { workflow_ref = \"evil/x/.github/workflows/release.yml@refs/heads/main\" }\nexpect = \"deny\"",
            true,
            "claim_mismatch",
        ),
        ("claims = { repository_id = \"1\" }\nexpect = \"deny\"", true, "no_matching_policy"),
        ("absent = [\"repository_id\"]\nexpect = \"deny\"", true, "missing_claim"),
        ("claims = { event_name = \"pull_request_target\" }\nexpect = \"deny\"", true, "dangerous_event"),
        ("claims = { runner_environment = \"self-hosted\" }\nexpect = \"deny\"", true, "denied_by_policy"),
        ("absent = [\"runner_environment\"]\nexpect = \"deny\"", true, "denied_by_policy"),
    ] {
        let (passed, decided) = outcome(test, "");
        assert!(passed == expected && decided.starts_with(said), "{test}: {passed} {decided}");
    }
}

#[test]
fn policy_test_considers_all_policies() {
    let branch = "claims = { ref = \"refs/heads/main\" }\nexpect = \"deny\"";
    // Another policy lets the branch publish something else: an answer, but not this.
    let (passed, said) = outcome(branch, &other("\"unrelated\"", ""));
    assert!(passed && said.starts_with("not_covered"), "{said}");
    let because = format!("{branch}\nreason = \"not_covered\"");
    assert!(outcome(&because, &other("\"unrelated\"", "")).0);
    // It lets the branch publish one of the packages.
    let (passed, said) = outcome(branch, &other("\"Gadget\"", ""));
    assert!(!passed && said == "allowed package:gadget:publish", "{said}");
    // A part is not all.
    let deny = "[[deny]]\nregistry = \"pypi\"\npackages = [\"gadget\"]\n";
    let (passed, said) = outcome("expect = \"allow\"", deny);
    assert!(!passed && said == "allowed package:widget:publish", "{said}");
    assert!(!outcome("expect = \"deny\"", deny).0, "and it is not nothing");
}

/// What is reported about the only policy.
fn report(policy: &str) -> (i32, Value) {
    let said = Workbench::with_policies(policy).run(&["policy", "test", "--format", "json"]);
    assert!(said.code < 2, "{}", said.err);
    (said.code, said.json()["policies"][0].clone())
}

#[test]
fn condition_coverage_needs_a_test_failing_by_it_alone() {
    let unexercised = |tests: &str| report(&format!("{POLICY}{tests}")).1["unexercised"].clone();
    let test = |lines: &str| format!("[[policy.test]]\nname = \"t\"\nexpect = \"deny\"\n{lines}\n");
    let (owner, repository, file, reference, deny) =
        ("repository_owner_id", "repository_id", "workflow_file", "ref", "the deny of runner_environment");
    assert_eq!(unexercised(""), json!([owner, repository, file, reference, deny]));
    assert_eq!(unexercised(&test("claims = { ref = \"x\" }")), json!([owner, repository, file, deny]));
    let two_at_once = test("claims = { ref = \"x\", workflow_file = \"y\" }");
    assert_eq!(unexercised(&two_at_once), json!([owner, repository, file, reference, deny]));
    let by_deny = test("claims = { runner_environment = \"self-hosted\" }");
    assert_eq!(unexercised(&by_deny), json!([owner, repository, file, reference]));
    let pins = test("claims = { repository_id = \"1\" }") + &test("absent = [\"repository_owner_id\"]");
    assert_eq!(unexercised(&pins), json!([file, reference, deny]));
    let fails = "[[policy.test]]\nname = \"t\"\nexpect = \"allow\"\nclaims = { ref = \"x\" }\n";
    assert_eq!(
        unexercised(fails),
        json!([owner, repository, file, reference, deny]),
        "a test that fails shows nothing"
    );
}

#[test]
fn each_matcher_has_a_synthetic_identity() {
    let github = |conditions: &str| {
        format!(
            "[[policy]]\nid = \"p\"\nissuer = \"github\"\nregistry = \"pypi\"\npackages = [\"a\"]\nactions = [\"publish\"]\n\
             [policy.match]\nrepository_owner_id = [\"1\", \"2\"]\nrepository_id = \"3\"\n{conditions}\n"
        )
    };
    for conditions in [
        "environment = [{ glob = \"prod-*\" }, \"x\"]",
        "ref = { glob = \"refs/heads/**\" }",
        "ref = { prefix = \"refs/tags/\" }",
        "environment = { present = false }",
        "sha = { present = true }",
        "repo_property_teams = { contains = \"release\" }",
        "ref_protected = true",
        "repository = \"Acme/Widget\"\nworkflow_file = { glob = \"release-*.yml\" }",
        "job_workflow_file = \"publish.yml\"\njob_workflow_repository = \"acme/shared\"",
        "workflow_file = { present = true }",
        "environment = [\"a\", \"b\"]\n[[policy.deny]]\nenvironment = \"a\"",
        "[[policy.deny]]\nworkflow_file = \"evil.yml\"",
        "[[policy.deny]]\nref = { prefix = \"refs/pull/\" }\nactor = { present = true }",
        "[[policy.deny]]\nenvironment = { present = false }",
        "[[policy.deny]]\nrepo_property_teams = { contains = \"interns\" }",
        "[[deny]]\nissuer = \"github\"\n[deny.match]\nrunner_environment = \"self-hosted\"",
    ] {
        let (code, report) = report(&github(conditions));
        assert_eq!((code, &report["unsatisfiable"]), (0, &Value::Null), "{conditions}: {report}");
    }
    let gitlab = "[[policy]]\nid = \"p\"\nissuer = \"gitlab\"\nregistry = \"pypi\"\npackages = [\"a\"]\nactions = [\"publish\"]\n\
                  [policy.match]\nnamespace_id = \"1\"\nproject_id = \"2\"\nconfig_file = \".gitlab-ci.yml\"\n";
    assert_eq!(report(gitlab).0, 0);
    let account = "[[policy]]\nid = \"p\"\nissuer = \"cluster\"\nregistry = \"pypi\"\npackages = [\"a\"]\nactions = [\"publish\"]\n\
                   [policy.match]\nsub = \"system:serviceaccount:ci:release\"\n\"/kubernetes.io/serviceaccount/uid\" = \"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9\"\n\
                   [[policy.test]]\nname = \"t\"\nclaims = { \"/kubernetes.io/serviceaccount/uid\" = \"1-3\" }\nexpect = \"deny\"\n\
                   [[policy.test]]\nname = \"t\"\nclaims = { sub = \"system:serviceaccount:ci:other\" }\nexpect = \"deny\"\n\
                   reason = \"no_matching_policy\"\n";
    let (code, of_account) = report(account);
    assert_eq!((code, &of_account["unexercised"]), (0, &json!([])), "{of_account}");
    let nested = "[[policy]]\nid = \"p\"\nissuer = \"farm\"\nregistry = \"files\"\npackages = [\"a\"]\nactions = [\"publish\"]\n\
                  [policy.match]\n\"/job/pool\" = \"release\"\n\"/job/host/name\" = { glob = \"build-*\" }\n\
                  [[policy.test]]\nname = \"t\"\nclaims = { \"/job/host/name\" = \"laptop\" }\nexpect = \"deny\"\n\
                  [[policy.test]]\nname = \"t\"\nabsent = [\"/job/host/name\"]\nexpect = \"deny\"\n";
    let (code, report) = report(nested);
    assert_eq!((code, &report["unexercised"]), (0, &json!(["/job/pool"])), "{report}");

    // And what no one can satisfy is a finding, until a test shows someone.
    for impossible in [
        "event_name = \"push\"\n[[policy.deny]]\nevent_name = \"push\"",
        "workflow_file = \"a/b.yml\"",
        "ref = \"x\"\n[[deny]]\nregistry = \"pypi\"",
        "event_name = \"issue_comment\"",
    ] {
        let policy = github(impossible);
        let said = Workbench::with_policies(&policy).run(&["policy", "test"]);
        let loads = !impossible.contains("issue_comment");
        assert_eq!(said.code, if loads { 1 } else { 2 }, "{impossible}: {} {}", said.out, said.err);
    }
    let by_hand =
        github("workflow_file = { glob = \"r*/x\" }") + "[[policy.test]]\nname = \"t\"\nexpect = \"deny\"\n";
    let said = Workbench::with_policies(&by_hand).run(&["policy", "test"]);
    assert!(said.err.contains("write `workflow_ref` into the test's `claims`"), "{}", said.err);
}

#[test]
fn policy_test_output_names_line_and_decision() {
    let tests = "[[policy.test]]\nname = \"a tag publishes\"\nexpect = \"allow\"\n\n\
                 [[policy.test]]\nname = \"a branch does not\"\nclaims = { ref = \"refs/heads/main\" }\nexpect = \"deny\"\n\n\
                 [[policy.test]]\nname = \"nor a tag\"\nexpect = \"deny\"\n";
    let bench = Workbench::with_policies(&format!("{POLICY}{tests}"));
    let said = bench.run(&["policy", "test", "policies"]);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.out, @r"
widget: 1 of 5 conditions exercised
  ok      a tag publishes
  ok      a branch does not
  FAILED  nor a tag
  no test for repository_owner_id, repository_id, workflow_file, the deny of runner_environment
1 policy, 3 tests, 1 failed
");
    insta::assert_snapshot!(said.err, @"error: policies/policies.toml:24: expected deny, but: allowed package:gadget:publish package:widget:publish");
}

#[test]
fn invalid_policy_tests_are_errors_with_line() {
    let test = |lines: &str| format!("{POLICY}[[policy.test]]\n{lines}\n");
    for (lines, complaint) in [
        ("expect = \"deny\"", "policies/policies.toml:15:1: [policy.test] lacks `name`"),
        ("name = \"t\"", "lacks `expect`"),
        ("name = \"t\"\nexpect = \"yes\"", ":17:10: `expect` cannot be \"yes\": write \"allow\" or \"deny\""),
        ("name = \"t\"\nexpect = \"deny\"\nreason = \"claim_mismatc\"", "did you mean \"claim_mismatch\"?"),
        ("name = \"t\"\nexpect = \"allow\"\nreason = \"replayed\"", "has no `reason`"),
        ("name = \"t\"\nexpect = \"deny\"\nclaims = { reff = \"x\" }", "did you mean `ref`?"),
        ("name = \"t\"\nexpect = \"deny\"\nabsent = [\"reff\"]", "did you mean `ref`?"),
        ("name = \"t\"\nexpect = \"deny\"\nclaims = { ref = 2026-01-01 }", "`ref` must be what JSON can say"),
        (
            "name = \"t\"\nexpect = \"deny\"\nclaims = { ref = \"x\" }\nabsent = [\"ref\"]",
            "is both in `claims` and absent",
        ),
        ("name = \"t\"\nexpect = \"deny\"\nclaim = { ref = \"x\" }", "did you mean `claims`?"),
    ] {
        let bench = Workbench::with_policies(&test(lines));
        let (tested, checked) = (bench.run(&["policy", "test"]), bench.run(&["policy", "check"]));
        assert_eq!((tested.code, checked.code), (2, 1), "{lines}: {}", tested.err);
        assert!(tested.err.contains(complaint), "{lines}: {}", tested.err);
    }
}

#[test]
fn example_policies_have_passing_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let arguments = ["policy", "test", "policies", "--config", "examples/trustmint.toml", "--format", "json"];
    let said = run_with_input(root, &arguments, "");
    assert_eq!(said.code, 0, "{} {}", said.out, said.err);
    for policy in said.json()["policies"].as_array().expect("policies") {
        assert!(policy["tests"].as_array().is_some_and(|tests| !tests.is_empty()), "{policy}");
    }
}

#[test]
fn each_derived_claim_can_be_synthesized() {
    for kind in Kind::ALL {
        for (name, derivation) in kind.derived() {
            let events = kind.events.iter().filter(|events| events.claim == name);
            let mut values: Vec<_> =
                events.flat_map(|events| [events.default, events.forbidden].concat()).collect();
            if values.is_empty() {
                values = vec!["acme/shared", "release.yml", "0b1f6f1e-3b1c-4d1e-9c39-1d2f2d7e9f10"];
            }
            let computed = |value: &str| {
                let mut claims = Claims::default();
                derivation.synthesize(value, &mut claims);
                (derivation.compute)(&claims)
            };
            let are_events = kind.events.iter().any(|events| events.claim == name);
            let all = |values: &[&str]| values.iter().all(|value| computed(value).as_deref() == Some(*value));
            let any = |values: &[&str]| values.iter().any(|value| computed(value).as_deref() == Some(*value));
            let fits = if are_events { all(&values) } else { any(&values) };
            assert!(fits, "{}: {name} {values:?}", kind.name);
        }
        for (claim, _) in kind.recommended() {
            assert!(kind.knows(claim) && !kind.pins("").contains(&claim), "{}: {claim}", kind.name);
        }
    }
}
