//! `trustmint policy scaffold`: a policy that is right from the start.

use serde_json::{Value, json};
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::issuer::changed;
use trustmint_tests::keys::stranger;
use trustmint_tests::workbench::{Said, run_with_input};
use trustmint_tests::{Workbench, github};

const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn scaffold(bench: &Workbench, claims: &Value, more: &[&str]) -> Said {
    let arguments =
        [&["policy", "scaffold", "--claims", "-", "--registry", "pypi", "--package", "Widget"], more]
            .concat();
    run_with_input(bench.path(), &arguments, &claims.to_string())
}

#[test]
fn scaffold_prints_pins_reasons_and_tests() {
    let said = scaffold(&Workbench::default(), &github(ISSUER, AUDIENCE), &["--package", "widget.extras"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    insta::assert_snapshot!(said.out, @r#"
# Made of claims that no one verified: compare the ids with your platform's.
[[policy]]
id = "widget-release"
issuer = "github"
registry = "pypi"
packages = ["widget", "widget-extras"]
actions = ["publish"]

[policy.match]
# Ids are pinned, because names can be taken over.
repository_owner_id = "9100048"
repository_id = "48124571"
# Only this workflow, so that no other file of the repository can publish.
workflow_file = "release.yml"
# Its protection rules guard every publish.
environment = "pypi"
# Only what was tagged or merged so.
ref = { glob = "refs/tags/v*" }

[[policy.test]]
name = "this job publishes"
claims = { workflow_file = "release.yml", environment = "pypi", ref = "refs/tags/v1.2.3" }
expect = "allow"

[[policy.test]]
name = "another repository_owner_id does not"
claims = { repository_owner_id = "another" }
expect = "deny"

[[policy.test]]
name = "another repository_id does not"
claims = { repository_id = "another" }
expect = "deny"

[[policy.test]]
name = "another workflow_file does not"
claims = { workflow_file = "another" }
expect = "deny"

[[policy.test]]
name = "another environment does not"
claims = { environment = "another" }
expect = "deny"

[[policy.test]]
name = "another ref does not"
claims = { ref = "refs/heads/another" }
expect = "deny"
"#);
}

#[test]
fn scaffold_output_is_valid_and_fully_tested() {
    let gitlab = |changes: Value| {
        let claims = json!({
            "iss": "https://gitlab.com", "namespace_id": "4412", "project_id": "20117", "project_path": "acme/billing",
            "pipeline_source": "push", "ref_path": "refs/tags/1.0", "ref_type": "tag", "ref_protected": "true",
            "ci_config_ref_uri": "gitlab.com/acme/billing//.gitlab-ci.yml@refs/tags/1.0", "environment": "production",
        });
        changed(claims, &changes)
    };
    let of_github = |changes: Value| changed(github(ISSUER, AUDIENCE), &changes);
    for (claims, expected) in [
        (of_github(json!({})), "ref = { glob = \"refs/tags/v*\" }"),
        (of_github(json!({ "ref": "refs/tags/core/v1.2" })), "ref = { glob = \"refs/tags/core/v*\" }"),
        (of_github(json!({ "ref": "refs/tags/lib2-v1" })), "ref = \"refs/tags/lib2-v1\""),
        (of_github(json!({ "ref": "refs/tags/3.1-rc1" })), "ref = { glob = \"refs/tags/*\" }"),
        (of_github(json!({ "ref": "refs/tags/v1@2" })), "ref = \"refs/tags/v1@2\""),
        (of_github(json!({ "ref": "refs/heads/another" })), "ref = \"refs/heads/another\""),
        (of_github(json!({ "environment": "another" })), "environment = \"another\""),
        (of_github(json!({ "environment": null })), "repository_id = \"48124571\""),
        (
            of_github(json!({ "environment": "a\"b\\c\u{7f}\n" })),
            "environment = \"a\\\"b\\\\c\\U0000007F\\U0000000A\"",
        ),
        (of_github(json!({ "environment": "all*" })), "workflow_file = \"release.yml\""),
        (gitlab(json!({})), "config_file = \".gitlab-ci.yml\""),
        (
            gitlab(json!({ "ref_path": "refs/heads/main", "ref_type": "branch" })),
            "ref_path = \"refs/heads/main\"",
        ),
        (
            json!({ "iss": "https://ci.example.com", "job": { "pool": "release" } }),
            "\"/job/pool\" = \"release\"",
        ),
    ] {
        let bench = Workbench::default();
        let said = scaffold(&bench, &claims, &[]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{claims}");
        assert!(said.out.lines().any(|line| line == expected), "{expected}: {}", said.out);
        bench.file("policies/made.toml", &said.out);
        let checked = bench.run(&["policy", "check"]);
        assert_eq!(checked.code, 0, "{} {}", said.out, checked.err);
        let tested = bench.run(&["policy", "test", "--format", "json"]);
        assert_eq!(tested.code, 0, "{} {}", said.out, tested.err);
        assert_eq!(tested.json()["policies"][0]["unexercised"], json!([]), "{} {}", said.out, tested.out);
        let explained = run_with_input(
            bench.path(),
            &["policy", "explain", "--claims", "-", "--registry", "pypi"],
            &claims.to_string(),
        );
        assert_eq!(explained.code, 0, "the job itself may publish: {}", explained.out);
    }
}

#[test]
fn scaffold_reads_an_id_token_and_names_dangerous_jobs() {
    let bench = Workbench::default();
    // Signed by no one whom the configuration knows: a draft grants nothing.
    let token = stranger().sign(&github(ISSUER, AUDIENCE));
    let arguments = ["policy", "scaffold", "--token", "-", "--registry", "pypi", "--package", "widget"];
    let said = run_with_input(bench.path(), &arguments, &token);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("# Made of claims that no one verified"), "{}", said.out);
    let pull_request = changed(github(ISSUER, AUDIENCE), &json!({ "event_name": "pull_request" }));
    let said = scaffold(&bench, &pull_request, &[]);
    assert_eq!(said.code, 0);
    assert!(said.err.contains("warning: this very job would be refused: claim_mismatch"), "{}", said.err);

    let claims = github(ISSUER, AUDIENCE);
    for (claims, more, code) in [
        (&claims, &["--package", "a b"][..], 2),
        (&claims, &["--issuer", "nobody"], 1),
        (&changed(claims.clone(), &json!({ "repository_id": null })), &[], 1),
        (&changed(claims.clone(), &json!({ "iss": "https://elsewhere.example" })), &[], 1),
        (&changed(claims.clone(), &json!({ "repository_id": "4*" })), &[], 1),
    ] {
        let said = scaffold(&bench, claims, more);
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{more:?} {}", said.err);
    }
}
