//! Blocks of TOML: configurations and policies are accepted, and recipes do what they say.

use std::path::Path;

use trustmint_tests::broker::run;
use trustmint_tests::workbench::run_with_input;

use super::{Block, Page, pages, root};

pub(super) fn covers(block: &Block) -> bool {
    block.language == "toml"
}

/// What pages about issuers and registries leave out, because it is the same on all of them.
const AROUND: &str = r#"
public_url = "https://publish.example.com"
listen = { public = "127.0.0.1:0" }
policies = { path = "policies" }
"#;
const USUAL_ISSUER: &str = "\n[issuers.github]\nkind = \"github\"\n";
const USUAL_REGISTRY: &str = "\n[registries.pypi]\nkind = \"pypi\"\naudiences = [\"pypi.example.com\"]\n";

/// Pages whose blocks belong together: sections of a configuration, and policies about them.
fn shows_sections(page: &Page) -> bool {
    page.name.starts_with("docs/issuers/") || page.name.starts_with("docs/registries/")
}

/// Pages about a server that stands behind a proxy; they leave the policy to the page of their kind.
pub(super) fn is_about_a_server(page: &Page) -> bool {
    page.name.starts_with("docs/registries/") && page.text.contains("\n## What is tested\n")
}

fn is_policy(block: &Block) -> bool {
    block.text.contains("[[policy]]") || block.text.contains("[[deny]]")
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    std::fs::write(path, text).expect("file");
}

#[test]
fn issuer_and_registry_examples_are_accepted() {
    let mut checked = 0;
    for page in pages().into_iter().filter(shows_sections) {
        let name = &page.name;
        let folder = tempfile::tempdir().expect("folder");
        let (policies, sections): (Vec<_>, Vec<_>) = page.blocks_of("toml").into_iter().partition(is_policy);
        assert!(!sections.is_empty(), "{name} shows a section");
        assert_eq!(policies.is_empty(), is_about_a_server(&page), "{name} shows a policy");
        let texts =
            |blocks: &[Block]| blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n");
        let shown = texts(&sections);
        let issuer = if shown.contains("[issuers.") { "" } else { USUAL_ISSUER };
        let registry = if shown.contains("[registries.") { "" } else { USUAL_REGISTRY };
        let configuration = format!("{AROUND}{shown}{issuer}{registry}");
        write(folder.path(), "trustmint.toml", &configuration);
        write(folder.path(), "policies/shown.toml", &texts(&policies));
        for line in shown.lines().filter_map(|line| line.strip_prefix("credential_file = \"")) {
            write(folder.path(), line.split('"').next().expect("a file"), "Basic dTpw");
        }
        let (code, said, errors) = run(folder.path(), &["config", "check"]);
        assert_eq!(code, 0, "{name}:\n{configuration}\n{errors}");
        assert!(said.contains(&format!("{} polic", policies.len())), "{name}: {said}");
        checked += 1;
    }
    assert!(checked >= 26, "only {checked} pages were found");
}

#[test]
fn other_example_configurations_are_accepted() {
    let mut checked = 0;
    for page in pages().into_iter().filter(|page| !shows_sections(page)) {
        for block in page.blocks_of("toml") {
            let folder = tempfile::tempdir().expect("folder");
            // A folder that a page gives to a team must be there.
            std::fs::create_dir_all(folder.path().join("policies/teams/data")).expect("folder");
            let (code, _, errors) = if is_policy(&block) {
                write(folder.path(), "policies/shown.toml", &block.text);
                let config = root().join("examples/trustmint.toml").display().to_string();
                run(folder.path(), &["policy", "check", "policies", "--config", &config])
            } else {
                write(folder.path(), "trustmint.toml", &block.text);
                write(folder.path(), "upstream-credential", "Basic dTpw");
                write(folder.path(), "webhook-secret", trustmint_tests::inbox::SECRET);
                run(folder.path(), &["config", "check"])
            };
            assert_eq!(code, 0, "{}:\n{}\n{errors}", block.at, block.text);
            checked += 1;
        }
    }
    assert!(checked >= 16, "only {checked} blocks were found");
}

#[test]
fn each_recipe_decides_as_documented() {
    let config = root().join("examples/trustmint.toml").display().to_string();
    let pages = pages();
    let cookbook = pages.iter().find(|page| page.name == "docs/cookbook.md").expect("the cookbook");
    let recipes = cookbook.blocks_of("toml");
    assert_eq!(recipes.len(), cookbook.text.matches("\n## ").count(), "a recipe is one block");
    for recipe in recipes {
        let folder = tempfile::tempdir().expect("folder");
        write(folder.path(), "policies/recipe.toml", &recipe.text);
        let arguments = ["policy", "test", "policies", "--config", &config, "--format", "json"];
        let said = run_with_input(folder.path(), &arguments, "");
        assert_eq!(said.code, 0, "{}: {} {}", recipe.at, said.out, said.err);
        for expected in ["allow", "deny"] {
            assert!(
                recipe.text.contains(&format!("expect = \"{expected}\"")),
                "{}: no {expected}",
                recipe.at
            );
        }
        let policies = said.json()["policies"].as_array().expect("policies").len();
        assert_eq!(policies, recipe.text.matches("[[policy]]").count(), "{}: {}", recipe.at, said.out);
    }
}

#[test]
fn example_configuration_and_policies_are_accepted() {
    let (code, shown, errors) = run(&root(), &["config", "check", "--config", "examples/trustmint.toml"]);
    assert_eq!(code, 0, "{errors}");
    assert!(shown.contains("5 policies"), "{shown}");
}
