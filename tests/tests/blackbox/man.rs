//! Manual pages: one for each command, and groff has nothing to say against them.

use std::collections::BTreeSet;

use trustmint_tests::broker::run;
use trustmint_tests::programs::program;

/// The commands that `--help` lists below this one.
fn below(command: &[&str]) -> Vec<String> {
    let (_, help, _) = run(&std::env::temp_dir(), &[command, &["--help"]].concat());
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    // What is indented further goes on with the line before.
    let entries =
        list.lines().map_while(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names = entries.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("folder");
    let (code, _, errors) = run(folder.path(), &["man", "--out", "pages/man1"]);
    assert_eq!(code, 0, "{errors}");
    let mut expected = BTreeSet::from(["trustmint.1".to_owned()]);
    for name in below(&[]) {
        expected.extend(below(&[&name]).iter().map(|sub| format!("trustmint-{name}-{sub}.1")));
        expected.insert(format!("trustmint-{name}.1"));
    }
    assert!(expected.len() > 15 && expected.contains("trustmint-policy-check.1"), "{expected:?}");
    let pages = folder.path().join("pages/man1");
    let entries = std::fs::read_dir(&pages).expect("folder").map(|entry| entry.expect("entry").file_name());
    let written: BTreeSet<_> = entries.map(|name| name.into_string().expect("a name")).collect();
    assert_eq!(written, expected);
    for name in written {
        let groff = program("groff").args(["-man", "-Tutf8", "-ww"]).arg(pages.join(&name)).output();
        let groff = groff.expect("groff");
        let (shown, said) = (String::from_utf8_lossy(&groff.stdout), String::from_utf8_lossy(&groff.stderr));
        assert!(groff.status.success() && said.is_empty(), "{name}: {said}");
        assert!(shown.contains(concat!("trustmint ", env!("CARGO_PKG_VERSION"))), "{name}: {shown}");
    }
}

#[test]
fn man_without_folder_prints_the_main_page() {
    let (code, page, _) = run(&std::env::temp_dir(), &["man"]);
    assert_eq!(code, 0);
    assert!(page.contains(".TH trustmint 1 \"\" "), "{page}");
    let (code, _, errors) = run(&std::env::temp_dir(), &["man", "--out", "/dev/null/pages"]);
    assert!(code == 2 && errors.starts_with("error: the pages cannot be written"), "{errors}");
}
