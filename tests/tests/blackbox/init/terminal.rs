//! `trustmint init` at a real terminal: a person is asked, and may go away.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use trustmint_tests::broker::{binary, run};
use trustmint_tests::programs::program;

/// A person at a real terminal: waits for words, and types.
fn at_terminal(folder: &Path, arguments: &[&str], script: &Value) -> (i32, String) {
    use std::io::Write as _;
    let player = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/terminal.py");
    let mut child = program("python3")
        .arg(player)
        .arg(binary())
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("python3");
    child.stdin.take().expect("stdin").write_all(script.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("ended");
    (output.status.code().expect("a code"), String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn init_asks_again_after_a_wrong_answer() {
    let folder = tempfile::tempdir().expect("folder");
    let script = json!([
        ["The broker's own address", "publish\n"],
        ["relative URL", ""],
        ["The broker's own address", "https://publish.example.com\n"],
        ["The issuer's kind", "github\n"],
        ["The issuer's URL [https://token.actions.githubusercontent.com]", "\n"],
        ["`repository_owner_id`, a number", "acme\n"],
        ["is a number", ""],
        ["`repository_owner_id`, a number", "9100048\n"],
        ["`repository_id`, a number", "48124571\n"],
        ["`workflow_file`", "release.yml\n"],
        ["`environment`", "\n"],
        ["`ref`", "refs/tags/v1.2.3\n"],
        ["The registry's kind", "npm\n"],
        ["The host", "npm.example.com\n"],
        ["The package", "@acme/widget @acme/gadget\n"],
        ["[npm-backend]", "\n"],
        ["[embedded]", "\n"],
    ]);
    let (code, shown) = at_terminal(folder.path(), &["init", "site"], &script);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("secret of client npm-backend, shown only now: "), "{shown}");
    let site = folder.path().join("site");
    let policy = std::fs::read_to_string(site.join("policies/acme-widget.toml")).expect("a policy");
    assert!(policy.contains("packages = [\"@acme/widget\", \"@acme/gadget\"]"), "{policy}");
    assert!(policy.contains("\nref = { glob = \"refs/tags/v*\" }\n"), "{policy}");
    assert!(policy.contains("\n# environment = \"…\"\n"), "{policy}");
    for command in [&["config", "check"][..], &["policy", "test"]] {
        assert_eq!(run(&site, command).0, 0, "{policy}");
    }
}

#[test]
fn interrupted_init_writes_nothing() {
    for (typed, code) in [("\u{3}", 128 + 2), ("\u{4}", 2)] {
        let folder = tempfile::tempdir().expect("folder");
        let script = json!([
            ["The broker's own address", "https://publish.example.com\n"],
            ["The issuer's kind", "gitlab\n"],
            ["The issuer's URL", typed],
        ]);
        let (ended, shown) = at_terminal(folder.path(), &["init", "site"], &script);
        assert_eq!(ended, code, "{shown}");
        assert_eq!(code == 2, shown.contains("nothing was written"), "{shown}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0);
    }
}
