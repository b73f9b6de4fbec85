//! Blocks of commands: what is typed is understood, and what is shown as the answer is the answer.

use trustmint_tests::broker::run;

use super::{Block, Page, pages, root};

/// `sh` of the quick start and of the drill are run by tests of their own.
pub(super) fn covers(page: &Page, block: &Block) -> bool {
    match block.language.as_str() {
        "console" => true,
        "sh" => ["docs/quick-start.md", "docs/leaks.md"].contains(&page.name.as_str()),
        _ => false,
    }
}

/// The words of a command, without a remark and without where its output goes.
fn words(command: &str) -> Vec<&str> {
    let command = command.split(" #").next().unwrap_or("");
    command.split('>').next().unwrap_or("").split_whitespace().collect()
}

/// Other programs that a page has typed: the test that runs them, or `untested` where the page says so.
const OTHERS: [(&str, &str, &str); 11] = [
    ("docs/container.md", "skopeo", "untested"),
    ("docs/container.md", "podman", "untested"),
    ("docs/debian.md", "apt-get", "scripts/test-deb"),
    ("docs/debian.md", "systemctl", "scripts/test-deb"),
    ("docs/kubernetes.md", "helm", "scripts/test-helm"),
    ("docs/kubernetes.md", "kubectl", "scripts/test-helm"),
    ("docs/leak-runbook.md", "jq", "tests/tests/blackbox/leak_runbook.rs"),
    ("docs/registries/cargo-registry.md", "cargo-http-registry", "tests/tests/clients/real_registries.rs"),
    ("docs/registries/devpi.md", "devpi-server", "untested"),
    ("docs/registries/pypiserver.md", "pypi-server", "tests/tests/clients/real_registries.rs"),
    ("docs/registries/verdaccio.md", "verdaccio", "tests/tests/clients/real_registries.rs"),
];

/// Who runs another program that a page has typed.
fn run_by(page: &Page, program: &str) -> Option<&'static str> {
    OTHERS.iter().find(|(name, other, _)| *name == page.name && *other == program).map(|(.., by)| *by)
}

#[test]
fn each_documented_command_is_valid() {
    let mut checked = 0;
    for page in pages() {
        for block in page.blocks_of("console") {
            for line in block.text.lines().filter_map(|line| line.strip_prefix("$ ")) {
                let words = words(line);
                let at = &block.at;
                let words = words.strip_prefix(&["sudo"]).unwrap_or(&words);
                let arguments = match words {
                    ["kubectl", "exec", _, "--", "trustmint", arguments @ ..] => arguments,
                    ["trustmint", arguments @ ..] => arguments,
                    ["cargo", "run", "--release", "--", arguments @ ..] => arguments,
                    ["cargo", "bench", "--bench", bench] => {
                        assert!(root().join("benches").join(bench).join("main.rs").exists(), "{at}: {line}");
                        continue;
                    }
                    [script] if script.starts_with("scripts/") => {
                        assert!(root().join(script).exists(), "{at}: {line}");
                        continue;
                    }
                    [program, ..] if run_by(&page, program) == Some("untested") => {
                        assert!(page.text.contains("are not tested"), "{at}: the page does not say so");
                        continue;
                    }
                    [program, ..] if run_by(&page, program).is_some_and(|by| root().join(by).exists()) => {
                        continue;
                    }
                    _ => panic!("{at}: nothing tests `{line}`"),
                };
                // Help is shown once everything before it was understood.
                let (code, help, errors) = run(&root(), &[arguments, &["--help"]].concat());
                assert_eq!(code, 0, "{at}: {line}: {errors}");
                assert!(help.contains("Usage: trustmint"), "{at}: {line}: {help}");
                checked += 1;
            }
        }
    }
    assert!(checked >= 25, "only {checked} commands were found");
}

#[test]
fn documented_responses_match() {
    let mut compared = 0;
    for page in pages() {
        let mut policy = String::new();
        for block in page.blocks() {
            if block.language == "toml" {
                policy.clone_from(&block.text);
            }
            let Some((command, shown)) = block.text.split_once('\n') else { continue };
            if block.language != "console"
                || shown.trim().is_empty()
                || shown.lines().any(|line| line.starts_with("$ "))
            {
                continue;
            }
            assert_eq!(
                command, "$ trustmint policy test policies",
                "{}: nothing tests this answer",
                block.at
            );
            let folder = tempfile::tempdir().expect("folder");
            std::fs::create_dir(folder.path().join("policies")).expect("folder");
            std::fs::write(folder.path().join("policies/shown.toml"), &policy).expect("file");
            let config = root().join("examples/trustmint.toml").display().to_string();
            let (_, said, errors) = run(folder.path(), &["policy", "test", "policies", "--config", &config]);
            assert!(said.starts_with(shown), "{}: {said} {errors}", block.at);
            compared += 1;
        }
    }
    assert!(compared >= 1, "nothing was compared");
}
