//! What the documentation shows is run: configurations, policies, commands; and its lists are complete.

use std::path::{Path, PathBuf};

use trustmint::denial::Reason;
use trustmint_tests::broker::run;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// The README and everything in `docs/`: name and text.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec![root().join("README.md")];
    for entry in std::fs::read_dir(root().join("docs")).expect("docs") {
        paths.push(entry.expect("entry").path());
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

#[test]
fn every_configuration_and_policy_in_the_docs_is_accepted() {
    let mut checked = 0;
    for (name, page) in pages() {
        for block in blocks(&page, "toml") {
            let folder = tempfile::tempdir().expect("folder");
            std::fs::create_dir(folder.path().join("policies")).expect("folder");
            let is_policy = block.contains("[[policy]]") || block.contains("[[deny]]");
            let (code, _, errors) = if is_policy {
                std::fs::write(folder.path().join("policies/shown.toml"), &block).expect("policy");
                let config = root().join("examples/trustmint.toml").display().to_string();
                run(folder.path(), &["policy", "check", "policies", "--config", &config])
            } else {
                std::fs::write(folder.path().join("trustmint.toml"), &block).expect("configuration");
                std::fs::write(folder.path().join("upstream-credential"), "Basic dTpw").expect("a secret");
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
            let known = if words.len() > 1 && ["config", "policy", "client"].contains(&words[0]) {
                &words[..2]
            } else {
                &words[..1]
            };
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
