//! Lists in the documentation are complete.

use std::collections::BTreeSet;

use super::{pages, root};

/// The site's table of contents has every page once.
#[test]
fn every_page_is_in_the_summary() {
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).expect("the summary");
    let targets = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let listed: Vec<_> = targets.map(|target| format!("docs/{target}").replace("docs/../", "")).collect();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "{listed:?}");
    let there: BTreeSet<_> =
        pages().into_iter().map(|page| page.name).filter(|name| name != "docs/SUMMARY.md").collect();
    assert_eq!(unique, there);
}

#[test]
fn every_finding_of_issuer_check_is_documented() {
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
