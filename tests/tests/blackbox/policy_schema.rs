//! `trustmint policy schema`, by another's validator: it takes what the reader takes, and what it
//! refuses the reader refuses too.

use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;
use trustmint_tests::Workbench;
use trustmint_tests::workbench::run_with_input;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")
}

fn validator(folder: &Path, arguments: &[&str]) -> Validator {
    let said = run_with_input(folder, &[&["policy", "schema"], arguments].concat(), "");
    assert_eq!(said.code, 0, "{}", said.err);
    let schema = said.json();
    jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{error}"));
    jsonschema::draft202012::new(&schema).expect("a schema")
}

/// A policy file as an editor's plug-in sees it. Dates are what TOML has and JSON has not.
fn json(text: &str) -> Value {
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
    serde_json::to_value(table).expect("JSON")
}

#[test]
fn example_policies_match_the_schema() {
    let validators = [validator(root(), &[]), validator(root(), &["--config", "examples/trustmint.toml"])];
    let mut checked = 0;
    for entry in std::fs::read_dir(root().join("policies")).expect("policies") {
        let path = entry.expect("an entry").path();
        let policies = json(&std::fs::read_to_string(&path).expect("policy"));
        for validator in &validators {
            let errors: Vec<_> = validator.iter_errors(&policies).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        }
        checked += 1;
    }
    assert!(checked >= 4);
}

const POLICY: &str = r#"
[[policy]]
id = "widget"
issuer = "github"
registry = "pypi"
packages = ["widget"]
actions = ["publish", "yank"]
mode = "audit"
enabled = true
[policy.match]
repository_owner_id = "1"
repository_id = ["2", "3"]
ref = [{ glob = "refs/tags/v*" }, { prefix = "refs/heads/" }]
environment = { present = true }
repo_property_teams = { contains = "release" }
ref_protected = true
[policy.limits]
token_ttl = "15m"
tokens_per_run = 3
packages_per_token = 2
[[policy.deny]]
runner_environment = "self-hosted"
[[policy.test]]
name = "a test"
claims = { ref = "refs/heads/main" }
absent = ["environment"]
expect = "deny"
reason = "claim_mismatch"
[[deny]]
issuer = "github"
registry = "pypi"
packages = "secret"
[deny.match]
actor = "mallory"
"#;

#[test]
fn schema_and_reader_agree() {
    let bench = Workbench::default();
    let (plain, informed) =
        (validator(bench.path(), &[]), validator(bench.path(), &["--config", "trustmint.toml"]));
    let accepts = |text: &str| {
        bench.file("policies/policies.toml", text);
        let said = bench.run(&["policy", "check"]);
        (said.code == 0, said.err)
    };
    let (accepted, complaint) = accepts(POLICY);
    assert!(accepted, "{complaint}");
    assert!(plain.is_valid(&json(POLICY)) && informed.is_valid(&json(POLICY)));

    // What is replaced, by what, and whether a schema without a configuration can know.
    for (fine, broken, plainly) in [
        ("mode = \"audit\"", "mode = \"dry\"", true),
        ("mode = \"audit\"", "modes = \"audit\"", true),
        ("enabled = true", "enabled = \"yes\"", true),
        ("id = \"widget\"", "id = \"a b\"", true),
        ("id = \"widget\"", "", true),
        ("packages = [\"widget\"]", "packages = []", true),
        ("\"yank\"", "\"delete\"", true),
        ("{ prefix = \"refs/heads/\" }", "{ regex = \".*\" }", true),
        ("{ prefix = \"refs/heads/\" }", "{ prefix = \"\" }", true),
        ("{ prefix = \"refs/heads/\" }", "{ prefix = \"a\", glob = \"a*\" }", true),
        ("{ present = true }", "{ present = \"true\" }", true),
        ("repository_owner_id = \"1\"", "repository_owner_id = 1", true),
        ("repository_owner_id = \"1\"", "repository_owner_id = \"*\"", true),
        ("repository_id = [\"2\", \"3\"]", "repository_id = []", true),
        ("tokens_per_run = 3", "tokens_per_run = 0", true),
        ("tokens_per_run = 3", "token_per_run = 3", true),
        ("expect = \"deny\"", "expect = \"maybe\"", true),
        ("expect = \"deny\"", "", true),
        ("reason = \"claim_mismatch\"", "reason = \"because\"", true),
        ("[deny.match]\nactor = \"mallory\"", "[deny.match]", true),
        ("[[deny]]", "[[denies]]", true),
        (
            "issuer = \"github\"\nregistry = \"pypi\"\npackages = [",
            "issuer = \"githup\"\nregistry = \"pypi\"\npackages = [",
            false,
        ),
        ("registry = \"pypi\"\npackages = [", "registry = \"pipy\"\npackages = [", false),
        ("repository_owner_id = \"1\"\n", "", false),
        ("environment = {", "enviroment = {", false),
        ("environment = {", "workflow = {", false),
    ] {
        let text = POLICY.replacen(fine, broken, 1);
        assert_ne!(text, POLICY, "{fine}");
        assert!(!accepts(&text).0, "the reader takes {broken:?}");
        assert!(!informed.is_valid(&json(&text)), "the schema with a configuration takes {broken:?}");
        assert_eq!(plain.is_valid(&json(&text)), !plainly, "the schema without: {broken:?}");
    }
}
