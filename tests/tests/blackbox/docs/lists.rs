//! Lists in the documentation are complete.

use std::collections::BTreeSet;

use super::{pages, root};

/// The site's table of contents has every page once.
#[test]
fn each_page_is_in_the_summary() {
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).expect("the summary");
    let targets = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let listed: Vec<_> = targets.map(|target| format!("docs/{target}").replace("docs/../", "")).collect();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "{listed:?}");
    let there: BTreeSet<_> =
        pages().into_iter().map(|page| page.name).filter(|name| name != "docs/SUMMARY.md").collect();
    // Pages that stay beside what they are about.
    let (beside, listed): (BTreeSet<_>, _) =
        unique.into_iter().partition(|name| name.starts_with("examples/") || name.starts_with("helm/"));
    assert!(beside.iter().all(|name| root().join(name).exists()), "{beside:?}");
    assert_eq!(listed, there);
}

#[test]
fn each_workflow_line_is_explained() {
    let page = std::fs::read_to_string(root().join("docs/workflows.md")).expect("the page");
    let shown: BTreeSet<_> = page.lines().map(str::trim).collect();
    let mut lines = 0;
    for entry in std::fs::read_dir(root().join("examples/github-actions")).expect("examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a workflow");
        for line in text.lines().map(str::trim) {
            let has_a_name_of_its_own = line.starts_with("name: ") || line.starts_with("environment: ");
            if line.is_empty() || line.starts_with('#') || (has_a_name_of_its_own && page.contains(line)) {
                continue;
            }
            let is_title = line.starts_with("name: ");
            assert!(is_title || shown.contains(line), "{}: {line}", path.display());
            lines += 1;
        }
    }
    assert!(lines >= 100, "only {lines} lines were found");
}

/// The README claims nothing beside others that no test shows.
#[test]
fn each_comparison_row_names_a_test() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let section = readme.split("## Beside others").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = section.expect("the section").lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut tests = String::new();
    let mut folders = vec![root().join("tests/tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("tests") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                tests.push_str(&std::fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
    let mut seen = 0;
    for row in rows {
        let name = row.trim_end_matches(" |").rsplit('|').next().unwrap_or("").trim().trim_matches('`');
        // Tests take no arguments. A promise of the stores does, and the list of them makes it a test of each.
        let is_test = [format!("fn {name}()"), format!("\n            {name},\n")];
        assert!(is_test.iter().any(|text| tests.contains(text)), "{row}");
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} rows were found");
}

#[test]
fn each_issuer_check_finding_is_documented() {
    let page = std::fs::read_to_string(root().join("docs/issuers.md")).expect("a page");
    let mut sources = vec![root().join("src/cli/issuer/checks.rs"), root().join("src/cli/issuer/trouble.rs")];
    let kinds = std::fs::read_dir(root().join("src/identity/kinds")).expect("kinds");
    sources.extend(kinds.map(|entry| entry.expect("entry").path()));
    let mut codes = BTreeSet::new();
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

/// The pages for contributors name files of the source, which are moved now and then.
#[test]
fn each_source_file_in_contributor_pages_exists() {
    let is_for_contributors =
        |name: &str| name == "docs/architecture.md" || name.starts_with("docs/decisions/");
    let mut seen = 0;
    for page in pages().into_iter().filter(|page| is_for_contributors(&page.name)) {
        for name in page.text.split('`').skip(1).step_by(2) {
            let is_file = name.contains('/') && (name.ends_with(".rs") || name.ends_with(".lua"));
            if is_file && !name.contains(char::is_whitespace) {
                let exists =
                    [root().join("src").join(name), root().join(name)].iter().any(|path| path.is_file());
                assert!(exists, "{}: {name}", page.name);
                seen += 1;
            }
        }
    }
    assert!(seen >= 60, "only {seen} files were found");
}
