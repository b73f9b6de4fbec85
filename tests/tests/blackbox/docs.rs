//! What the documentation shows is run: configurations, policies, commands; and its lists are complete.

use std::path::{Path, PathBuf};

use trustmint::denial::Reason;
use trustmint_tests::broker::run;
use trustmint_tests::inbox::SECRET;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// The README and everything below `docs/`: name and text.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec![root().join("README.md")];
    for folder in ["docs", "docs/issuers"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("docs");
        paths.extend(entries.map(|entry| entry.expect("entry").path()));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    let read = |path: PathBuf| (path.display().to_string(), std::fs::read_to_string(&path).expect("a page"));
    paths.into_iter().map(read).collect()
}

/// The fenced blocks of a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap_or("").to_owned()).collect()
}

/// What pages about issuers leave out, because it is the same on all of them.
const AROUND_ISSUERS: &str = r#"
public_url = "https://publish.example.com"
listen = { public = "127.0.0.1:0" }
policies = { path = "policies" }
"#;
/// The same of the registry, unless the issuer has something to say about it.
const USUAL_REGISTRY: &str = r#"
[registries.pypi]
kind = "pypi"
audiences = ["pypi.example.com"]
"#;

/// On a page about an issuer the blocks belong together: its section, and policies about it.
#[test]
fn every_issuer_and_its_policies_in_the_docs_are_accepted() {
    let mut checked = 0;
    for (name, page) in pages().into_iter().filter(|(name, _)| name.contains("docs/issuers/")) {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("policies")).expect("folder");
        let (policies, sections): (Vec<_>, Vec<_>) =
            blocks(&page, "toml").into_iter().partition(|block| block.contains("[[policy]]"));
        assert!(!policies.is_empty() && !sections.is_empty(), "{name} shows an issuer and a policy");
        let shows_registry = sections.iter().any(|section| section.contains("[registries."));
        let registry = if shows_registry { "" } else { USUAL_REGISTRY };
        let configuration = format!("{AROUND_ISSUERS}{}{registry}", sections.join("\n"));
        std::fs::write(folder.path().join("trustmint.toml"), &configuration).expect("configuration");
        std::fs::write(folder.path().join("policies/shown.toml"), policies.join("\n")).expect("policy");
        let (code, said, errors) = run(folder.path(), &["config", "check"]);
        assert_eq!(code, 0, "{name}:\n{configuration}\n{errors}");
        assert!(said.contains(&format!("{} polic", policies.len())), "{name}: {said}");
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} pages were found");
}

#[test]
fn every_configuration_and_policy_in_the_docs_is_accepted() {
    let mut checked = 0;
    for (name, page) in pages().into_iter().filter(|(name, _)| !name.contains("docs/issuers/")) {
        for block in blocks(&page, "toml") {
            let folder = tempfile::tempdir().expect("folder");
            // A folder that a page gives to a team must be there.
            std::fs::create_dir_all(folder.path().join("policies/teams/data")).expect("folder");
            let is_policy = block.contains("[[policy]]") || block.contains("[[deny]]");
            let (code, _, errors) = if is_policy {
                std::fs::write(folder.path().join("policies/shown.toml"), &block).expect("policy");
                let config = root().join("examples/trustmint.toml").display().to_string();
                run(folder.path(), &["policy", "check", "policies", "--config", &config])
            } else {
                std::fs::write(folder.path().join("trustmint.toml"), &block).expect("configuration");
                std::fs::write(folder.path().join("upstream-credential"), "Basic dTpw").expect("a secret");
                std::fs::write(folder.path().join("webhook-secret"), SECRET).expect("a secret");
                run(folder.path(), &["config", "check"])
            };
            assert_eq!(code, 0, "{name}:\n{block}\n{errors}");
            checked += 1;
        }
    }
    assert!(checked >= 6, "only {checked} blocks were found");
}

#[test]
fn the_example_configuration_and_every_policy_are_accepted() {
    let (code, shown, errors) = run(&root(), &["config", "check", "--config", "examples/trustmint.toml"]);
    assert_eq!(code, 0, "{errors}");
    assert!(shown.contains("5 policies"), "{shown}");
}

#[test]
fn every_command_in_the_docs_exists() {
    let mut checked = 0;
    for (name, page) in pages() {
        for line in blocks(&page, "console").iter().flat_map(|block| block.lines()) {
            let Some(command) = line.strip_prefix("$ trustmint ") else { continue };
            let command = command.split('#').next().unwrap_or("");
            let words: Vec<_> =
                command.split_whitespace().take_while(|word| word.starts_with(char::is_alphabetic)).collect();
            let is_group = run(&root(), &[words[0], "--help"]).1.contains("<COMMAND>");
            let known = if is_group { &words[..2] } else { &words[..1] };
            let (code, help, _) = run(&root(), &[known, &["--help"]].concat());
            assert_eq!(code, 0, "{name}: {line}");
            for flag in command.split_whitespace().filter(|word| word.starts_with("--")) {
                assert!(help.contains(flag), "{name}: {line}: no {flag}");
            }
            checked += 1;
        }
    }
    assert!(checked >= 6, "only {checked} commands were found");
}

#[test]
fn every_reason_and_every_limit_is_documented() {
    let page = |name: &str| std::fs::read_to_string(root().join("docs").join(name)).expect("a page");
    let registries = page("registries.md");
    for reason in Reason::ALL {
        assert!(registries.contains(&format!("`{reason}`")), "{reason}");
    }
    let operations = page("operations.md");
    let limits = std::fs::read_to_string(root().join("src/config/limits.rs")).expect("source");
    let names: Vec<_> = limits
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'))
        .map(|(name, _)| name)
        .collect();
    assert!(names.len() >= 16, "{names:?}");
    for name in names {
        assert!(operations.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_finding_of_issuer_check_is_documented() {
    let page = std::fs::read_to_string(root().join("docs/issuers.md")).expect("a page");
    let mut sources = vec![root().join("src/cli/issuer/checks.rs"), root().join("src/cli/issuer/trouble.rs")];
    let kinds = std::fs::read_dir(root().join("src/identity/kinds")).expect("kinds");
    sources.extend(kinds.map(|entry| entry.expect("entry").path()));
    let mut codes = std::collections::BTreeSet::new();
    for source in sources {
        let text = std::fs::read_to_string(&source).expect("source");
        let openings: &[&str] = match source.file_name().and_then(|name| name.to_str()) {
            Some("trouble.rs") => &["(\"", "(\n                \""],
            Some("checks.rs") => &["check(\""],
            _ => &["code: \""],
        };
        for opening in openings {
            let found = text.split(opening).skip(1).filter_map(|rest| rest.split('"').next());
            codes.extend(found.filter(|code| !code.contains([' ', '{', '/'])).map(str::to_owned));
        }
    }
    assert!(codes.len() >= 20, "{codes:?}");
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn links_within_the_repository_lead_somewhere() {
    for (name, page) in pages() {
        let folder = Path::new(&name).parent().expect("a folder").to_owned();
        for target in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.contains("://") && !target.starts_with('#') {
                let path = target.split('#').next().unwrap_or(target);
                assert!(folder.join(path).exists(), "{name}: {target}");
            }
        }
    }
}
