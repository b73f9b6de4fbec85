//! A folder that was given to a team speaks for what the team was given, and for nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use trustmint_tests::broker::run;

const CONFIGURATION: &str = r#"
public_url = "https://publish.example.com"
listen = { public = "127.0.0.1:0" }
issuers = { github = { kind = "github" }, gitlab = { kind = "gitlab" } }

[policies]
path = "policies"

[[policies.delegate]]
folder = "teams"
owner = "all teams"
registries = ["pypi", "other"]
package_prefixes = ["Data_", "web-"]
issuers = ["github"]

[[policies.delegate]]
folder = "teams/data"
owner = "data-platform"
registries = ["pypi"]
package_prefixes = ["data-"]
issuers = ["github", "gitlab"]
actions = ["publish", "yank"]

[registries.pypi]
kind = "pypi"
hosts = ["pypi.example.com"]
audiences = ["pypi.example.com"]
token_prefix = "exm_pypi_"

[registries.other]
kind = "generic"
audiences = ["other.example.com"]
token_prefix = "exm_other_"
"#;

fn policy(issuer: &str, registry: &str, packages: &str, actions: &str) -> String {
    let pins = match issuer {
        "github" => "repository_owner_id = \"1\", repository_id = \"2\"",
        _ => "namespace_id = \"1\", project_id = \"2\"",
    };
    format!(
        "\n[[policy]]\nid = \"p\"\nissuer = \"{issuer}\"\nregistry = \"{registry}\"\npackages = [{packages}]\n\
         actions = [{actions}]\nmatch = {{ {pins} }}\n"
    )
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join("policies").join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    fs::write(path, text).expect("written");
}

/// What `policy check` says goes beyond a team's bounds, a line each; empty if nothing does.
fn findings(place: impl Fn(&Path)) -> String {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("trustmint.toml"), CONFIGURATION).expect("written");
    for team in ["data", "web"] {
        fs::create_dir_all(folder.path().join("policies/teams").join(team)).expect("folder");
    }
    place(folder.path());
    let (code, found, _) = run(folder.path(), &["policy", "check", "--format", "json"]);
    let found: Value = serde_json::from_str(&found).expect("JSON");
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let errors = found["findings"].as_array().expect("findings").iter();
    let errors = errors.filter(|finding| finding["severity"] == "error").map(|finding| {
        assert_eq!(finding["code"], "E012", "{finding}");
        let (line, column) = (&finding["line"], &finding["column"]);
        format!("error: {}:{line}:{column}: {}\n", text(finding, "file"), text(finding, "message"))
    });
    let errors = errors.collect::<String>();
    assert_eq!(code, i32::from(!errors.is_empty()), "{errors}");
    errors
}

#[test]
fn delegation_is_bounded_and_excess_names_its_owner() {
    let fine = policy("github", "pypi", "\"data-tools\", \"DATA.Sets\"", "\"publish\", \"yank\"");
    let whose = "this folder is data-platform's, who may not";
    let all = "this folder is all teams's, who may not";
    for (file, text, expected) in [
        ("teams/data/p.toml", fine.clone(), vec![]),
        ("teams/data/deep/er/p.toml", fine.clone(), vec![]),
        ("p.toml", policy("gitlab", "other", "\"anything\"", "\"owner\""), vec![]),
        ("teams-of-others/p.toml", policy("gitlab", "other", "\"anything\"", "\"owner\""), vec![]),
        ("teams/web/p.toml", policy("github", "other", "\"web-x\"", "\"owner\""), vec![]),
        (
            "teams/data/p.toml",
            policy("github", "pypi", "\"data-a\", \"payments\", \"database\"", "\"publish\""),
            vec![
                format!("{whose} speak for package \"payments\": only for names that begin with data-"),
                format!("{whose} speak for package \"database\": only for names that begin with data-"),
                format!("{all} speak for package \"payments\": only for names that begin with data- or web-"),
            ],
        ),
        (
            "teams/data/deep/er/p.toml",
            policy("github", "other", "\"data-a\"", "\"publish\""),
            vec![format!("{whose} speak for registry \"other\": only for pypi")],
        ),
        (
            "teams/data/p.toml",
            policy("gitlab", "pypi", "\"data-a\"", "\"publish\""),
            vec![format!("{all} speak for issuer \"gitlab\": only for github")],
        ),
        (
            "teams/data/p.toml",
            policy("github", "pypi", "\"data-a\"", "\"publish\", \"owner\""),
            vec![format!("{whose} give the actions publish,owner: only publish,yank")],
        ),
        (
            "teams/web/p.toml",
            policy("github", "other", "\"Data_x\", \"data-x\"", "\"publish\""),
            vec![format!("{all} speak for package \"data-x\": only for names that begin with Data_ or web-")],
        ),
    ] {
        let found = findings(|folder| write(folder, file, &text));
        assert_eq!(expected.is_empty(), found.is_empty(), "{file}{text}{found}");
        for what in expected {
            assert!(found.contains(&format!("error: policies/{file}:2:1: {what}")), "{what}\n{found}");
        }
    }
}

#[test]
fn delegated_deny_covers_its_own_packages_only() {
    let whose = "this folder is data-platform's, who may not";
    for (deny, expected) in [
        ("registry = \"pypi\"\npackages = [\"data-a\"]", None),
        ("issuer = \"github\"\nregistry = \"pypi\"\npackages = [\"Data.a\"]", None),
        ("registry = \"pypi\"\npackages = [\"web-a\"]", Some("speak for package \"web-a\"")),
        ("registry = \"pypi\"", Some("deny all packages")),
        ("packages = [\"data-a\"]", Some("deny something of all registries")),
        ("issuer = \"github\"", Some("deny something of all registries")),
        ("match = { actor = \"x\" }\nregistry = \"pypi\"", Some("deny all packages")),
        ("registry = \"other\"\npackages = [\"data-a\"]", Some("speak for registry \"other\"")),
    ] {
        let text = format!("\n[[deny]]\n{deny}\n");
        let found = findings(|folder| write(folder, "teams/data/d.toml", &text));
        match expected {
            None => assert_eq!(found, "", "{deny}"),
            Some(what) => {
                let what = format!("error: policies/teams/data/d.toml:2:1: {whose} {what}");
                assert!(found.contains(&what), "{what}\n{found}");
            }
        }
        assert_eq!(findings(|folder| write(folder, "d.toml", &text)), "", "elsewhere it is the operator's");
    }
}

#[test]
fn links_do_not_leave_a_delegated_folder() {
    let beyond = policy("github", "pypi", "\"payments\"", "\"publish\"");
    let teams = |folder: &Path| folder.join("policies/teams/data");
    // What a team writes is the team's, by whatever way it is found.
    let inward = findings(|folder| {
        fs::create_dir(teams(folder).join(".hidden")).expect("folder");
        fs::write(teams(folder).join(".hidden/p.toml"), &beyond).expect("written");
        symlink("teams/data/.hidden", folder.join("policies/mine")).expect("link");
    });
    assert!(inward.contains("policies/mine/p.toml:2:1: this folder is data-platform's"), "{inward}");
    // What it links to from its folder speaks as the team's.
    let outward = findings(|folder| {
        fs::write(folder.join("elsewhere.toml"), &beyond).expect("written");
        symlink("../../../elsewhere.toml", teams(folder).join("p.toml")).expect("link");
    });
    assert!(outward.contains("policies/teams/data/p.toml:2:1: this folder is data-platform's"), "{outward}");
    // As Kubernetes mounts a ConfigMap into the folder.
    let mounted = findings(|folder| {
        fs::create_dir(teams(folder).join("..1")).expect("folder");
        fs::write(teams(folder).join("..1/p.toml"), &beyond).expect("written");
        symlink("..1", teams(folder).join("..data")).expect("link");
        symlink("..data/p.toml", teams(folder).join("p.toml")).expect("link");
    });
    assert!(mounted.contains("policies/teams/data/p.toml:2:1: this folder is data-platform's"), "{mounted}");
}

#[test]
fn delegation_without_bounds_is_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    fs::create_dir_all(folder.path().join("policies/teams/data")).expect("folder");
    for (from, to, complaint) in [
        ("\"teams/data\"", "\"teams/dta\"", "policies/teams/dta is not a folder"),
        ("\"teams/data\"", "\"teams/../data\"", "without `..`"),
        ("\"teams/data\"", "\"/teams/data\"", "without `..`"),
        ("\"teams/data\"", "\"\"", "without `..`"),
        ("owner = \"data-platform\"\n", "", "lacks `owner`"),
        ("registries = [\"pypi\"]\n", "", "lacks `registries`"),
        ("registries = [\"pypi\"]\n", "registries = [\"npm\"]\n", "\"npm\" is not configured"),
        ("issuers = [\"github\", \"gitlab\"]\n", "", "lacks `issuers`"),
        ("package_prefixes = [\"data-\"]\n", "", "lacks `package_prefixes`"),
        ("package_prefixes = [\"data-\"]\n", "package_prefixes = [\"\"]\n", "a package name is not empty"),
        ("[\"publish\", \"yank\"]", "[\"publihs\"]", "known actions are"),
    ] {
        let text = CONFIGURATION.replace(from, to);
        assert_ne!(text, CONFIGURATION);
        fs::write(folder.path().join("trustmint.toml"), text).expect("written");
        let (code, _, complained) = run(folder.path(), &["policy", "check"]);
        assert_eq!(code, 2, "{complained}");
        assert!(complained.contains(complaint), "{complaint}\n{complained}");
    }
}
