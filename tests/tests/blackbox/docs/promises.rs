//! Pages that name tests name tests that exist.

use super::{Page, pages, root};

/// The source of every test.
fn sources() -> String {
    let mut text = String::new();
    let mut folders = vec![root().join("tests/tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("tests") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                text.push_str(&std::fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
    text
}

/// Returns the names of the last column of each row below a heading, without the table's head.
fn tests_of(page: &Page, heading: &str) -> Vec<(String, Vec<String>)> {
    let section = page.text.split(heading).nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = section.unwrap_or_default().lines().filter(|line| line.starts_with("| ")).skip(1);
    let names = |row: &str| {
        let column = row.trim_end_matches(" |").rsplit('|').next().unwrap_or("");
        column.split(", ").map(|name| name.trim().trim_matches('`').to_owned()).collect::<Vec<_>>()
    };
    rows.map(|row| (row.to_owned(), names(row))).collect()
}

/// Asserts that each row below a heading names tests that exist, and returns how many rows there are.
fn assert_named_tests_exist(page: &Page, heading: &str, sources: &str) -> usize {
    let rows = tests_of(page, heading);
    for (row, names) in &rows {
        for name in names {
            assert!(
                !name.is_empty() && sources.contains(&format!("fn {name}(")),
                "{}: `{name}` in {row}",
                page.name
            );
        }
    }
    rows.len()
}

#[test]
fn each_promise_names_existing_tests() {
    let page = pages().into_iter().find(|page| page.name == "docs/security.md").expect("the page");
    let rows = assert_named_tests_exist(&page, "\n## Promises\n", &sources());
    assert!(rows >= 17, "only {rows} promises were found");
}

#[test]
fn each_registry_server_names_existing_tests() {
    let sources = sources();
    let mut checked = 0;
    for page in pages().iter().filter(|page| super::tables::is_about_a_server(page)) {
        let rows = assert_named_tests_exist(page, "\n## What is tested\n", &sources);
        assert_eq!(rows == 0, page.text.contains("\nNo test covers "), "{} names {rows} tests", page.name);
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} pages were found");
}
