//! Each rule of the linter: a file that fails by it alone, one that passes, and a paragraph.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use trustmint::toml_reader::{Code, Severity};
use trustmint_tests::broker::run;
use trustmint_tests::claims::now;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// An example with `{{in N days}}` replaced by that day.
fn with_dates(text: Vec<u8>) -> Vec<u8> {
    let Some((before, rest)) = std::str::from_utf8(&text).ok().and_then(|text| text.split_once("{{in "))
    else {
        return text;
    };
    let (days, after) = rest.split_once(" days}}").expect("the end of a date");
    let instant = now() as i64 + days.parse::<i64>().expect("a number") * 24 * 3600;
    let date = chrono::DateTime::from_timestamp(instant, 0).expect("a date").format("%Y-%m-%d");
    format!("{before}{date}{after}").into_bytes()
}

/// A folder of the policies that is a team's.
const TEAM: &str = r#"
[policies]
path = "policies"

[[policies.delegate]]
folder = "team"
owner = "data-platform"
registries = ["pypi"]
package_prefixes = ["data-"]
issuers = ["github"]
"#;

/// Checks one example as a whole: exit code, and what was found.
fn check(example: &Path) -> (i32, Value) {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::create_dir_all(folder.path().join("policies/team")).expect("folder");
    let text = with_dates(std::fs::read(example).expect("an example"));
    // An example is a configuration or a file of policies.
    let is_policy = !text.starts_with(b"public_url");
    let configuration = root().join("tests/lint/trustmint.toml");
    let configuration = if is_policy { configuration.as_path() } else { example };
    let mut configuration = std::fs::read_to_string(configuration).expect("configuration");
    // Of what is a team's, only a rule about teams is tried.
    let is_teams = example.parent().is_some_and(|rule| rule.ends_with("E012"));
    if is_teams {
        configuration = configuration.replace("policies = { path = \"policies\" }\n", "") + TEAM;
    }
    std::fs::write(folder.path().join("trustmint.toml"), configuration).expect("configuration");
    if is_policy {
        let place = if is_teams { "policies/team/example.toml" } else { "policies/example.toml" };
        std::fs::write(folder.path().join(place), text).expect("policies");
    }
    let (code, found, errors) =
        run(folder.path(), &["policy", "check", "--format", "json", "--deny-warnings"]);
    assert_eq!(errors, "", "{}", example.display());
    (code, serde_json::from_str(&found).expect("JSON"))
}

/// The codes that were found and that no one accepted.
fn codes(found: &Value) -> BTreeSet<&str> {
    let findings = found["findings"].as_array().expect("findings").iter();
    let findings = findings.filter(|finding| finding.get("accepted").is_none());
    findings.map(|finding| finding["code"].as_str().expect("a code")).collect()
}

/// An example of a rule.
fn example(code: &str, name: &str) -> PathBuf {
    root().join("tests/lint").join(code).join(name)
}

#[test]
fn each_lint_rule_matches_its_examples() {
    for code in Code::ALL {
        let (exit, found) = check(&example(code.as_str(), "fail.toml"));
        assert_eq!(codes(&found), BTreeSet::from([code.as_str()]), "{code} fails by itself: {found}");
        assert!([1, 2].contains(&exit), "{code}: exit code {exit}");
        let (exit, found) = check(&example(code.as_str(), "pass.toml"));
        assert_eq!((exit, codes(&found)), (0, BTreeSet::new()), "{code} passes: {found}");
    }
}

#[test]
fn lint_rule_finds_each_part_of_its_example() {
    for (code, parts) in [("W104", 3), ("W108", 2), ("W109", 2), ("W111", 4)] {
        let (_, found) = check(&example(code, "fail.toml"));
        assert_eq!(found["warnings"], parts, "{code}: {found}");
    }
}

#[test]
fn each_lint_code_has_examples_and_documentation() {
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(codes.len(), Code::ALL.len(), "codes are unique");

    let folders = std::fs::read_dir(root().join("tests/lint")).expect("examples");
    let folders: BTreeSet<_> = folders
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, codes);

    let page = std::fs::read_to_string(root().join("docs/lint.md")).expect("the page");
    let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let expected: Vec<_> = Code::ALL.iter().map(|code| format!("{code} {}", code.name())).collect();
    assert_eq!(headings, expected);
    for section in page.split("\n### ").skip(1) {
        let body = section.split_once('\n').map_or("", |(_, body)| body.trim());
        assert!(body.len() > 60, "a paragraph says what, why and how to fix: {section}");
    }
}

#[test]
fn lint_code_letter_is_its_severity() {
    for code in Code::ALL {
        let letter = if code.severity() == Severity::Error { "E" } else { "W" };
        assert!(code.as_str().starts_with(letter), "{code}");
        assert_eq!(Code::parse(code.as_str()), Some(*code));
    }
}

#[test]
fn example_policies_have_no_warnings() {
    let (code, said, complained) =
        run(&root(), &["policy", "check", "--config", "examples/trustmint.toml", "--deny-warnings"]);
    assert_eq!((code, complained.as_str()), (0, ""), "{said}");
}
