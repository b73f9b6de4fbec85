//! Blocks in other languages: parsed by anyone who knows them, or a part of a file that another test runs.

use std::io::Write as _;
use std::process::Stdio;

use super::{Block, Page, pages, root};

/// How a block is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Json,
    Yaml,
    Shell,
    /// The shell that a job of another language runs, between these marks.
    ShellBetween(&'static str, &'static str),
    /// A part of a file in `examples`, which real proxies and linters read.
    PartOfExample(&'static str),
    /// A drawing, or what a program prints: nothing to type.
    Picture,
    /// Of the reference, which is written from the code.
    Generated,
    /// Read from the page by this test.
    ReadBy(&'static str),
}

fn how(page: &Page, block: &Block) -> Option<How> {
    let below = |folder: &str| page.name.starts_with(folder);
    Some(match block.language.as_str() {
        "text" if below("docs/reference/") => How::Generated,
        "text" => How::Picture,
        "json" => How::Json,
        "yaml" | "nginx" if below("docs/registries/") && super::tables::is_about_a_server(page) => {
            How::PartOfExample("examples/proxies")
        }
        "yaml" if below("docs/registries/") || below("docs/workflows") => {
            How::PartOfExample("examples/github-actions")
        }
        "yaml" | "nginx" | "caddyfile" if below("docs/proxies/") => How::PartOfExample("examples/proxies"),
        "yaml" => How::Yaml,
        "sh" => How::Shell,
        "ini" if page.name == "docs/debian.md" => How::ReadBy("scripts/test-deb"),
        "groovy" => How::ShellBetween("sh '", "'\n"),
        "hcl" => How::ShellBetween("command = \"", "\"\n"),
        _ => return None,
    })
}

pub(super) fn covers(page: &Page, block: &Block) -> bool {
    how(page, block).is_some()
}

/// Whether a program has nothing to say against this text.
fn accepts(program: &str, arguments: &[&str], text: &str) -> Result<(), String> {
    let mut child = trustmint_tests::programs::program(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    child.stdin.take().expect("stdin").write_all(text.as_bytes()).map_err(|error| error.to_string())?;
    let output = child.wait_with_output().expect("ended");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn shell(text: &str) -> Result<(), String> {
    accepts("bash", &["-n"], text)
}

fn yaml(text: &str) -> Result<(), String> {
    accepts("python3", &["-c", "import sys, yaml; assert yaml.safe_load(sys.stdin)"], text)
}

/// Whether these lines stand in a file of the folder, one after the other.
fn part_of(folder: &str, text: &str) -> Result<(), String> {
    let wanted: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for entry in std::fs::read_dir(root().join(folder)).expect("examples") {
        let path = entry.expect("an entry").path();
        let Ok(file) = std::fs::read_to_string(&path) else { continue };
        let lines: Vec<_> = file.lines().map(str::trim).collect();
        let mut rest = lines.as_slice();
        let found = |line: &&str| match rest.iter().position(|other| other == line) {
            Some(at) => {
                rest = &rest[at + 1..];
                true
            }
            None => false,
        };
        if wanted.iter().all(found) {
            return Ok(());
        }
    }
    Err(format!("no file of {folder} has these lines in this order"))
}

fn check(how: How, text: &str) -> Result<(), String> {
    match how {
        How::Json => {
            serde_json::from_str::<serde_json::Value>(text).map(|_| ()).map_err(|error| error.to_string())
        }
        How::Yaml => yaml(text),
        How::Shell => shell(text),
        How::ShellBetween(begin, end) => {
            let inner = text.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
            inner.map_or_else(
                || Err(format!("nothing between {begin} and {end}")),
                |(inner, _)| shell(&inner.replace("\\\"", "\"")),
            )
        }
        How::PartOfExample(folder) => part_of(folder, text),
        How::Picture => {
            let typed = text.lines().any(|line| line.starts_with("$ ") || line.starts_with("trustmint "));
            if typed { Err("this is a command: write it as `console`".to_owned()) } else { Ok(()) }
        }
        How::Generated => Ok(()),
        How::ReadBy(script) => {
            let script = std::fs::read_to_string(root().join(script)).map_err(|error| error.to_string())?;
            let reads = script.contains("^```ini$") && script.contains("docs/debian.md");
            if reads { Ok(()) } else { Err("it reads no such block".to_owned()) }
        }
    }
}

#[test]
fn remaining_blocks_are_parsed_or_part_of_a_run() {
    let mut checked = 0;
    for page in pages() {
        for block in page.blocks() {
            let Some(how) = how(&page, &block).filter(|_| !super::commands::covers(&page, &block)) else {
                continue;
            };
            if let Err(why) = check(how, &block.text) {
                panic!("{}: {how:?}: {why}", block.at);
            }
            checked += 1;
        }
    }
    assert!(checked >= 50, "only {checked} blocks were found");
}

#[test]
fn broken_blocks_are_detected() {
    for (how, text) in [
        (How::Json, "{ \"a\": }"),
        (How::Yaml, "a: [b"),
        (How::Yaml, ""),
        (How::Shell, "if true; then"),
        (How::ShellBetween("sh '", "'\n"), "sh 'echo \"'\n"),
        (How::ShellBetween("sh '", "'\n"), "echo\n"),
        (How::PartOfExample("examples/proxies"), "listen 8443 ssl;\nevents {}\n"),
        (How::Picture, "$ trustmint serve"),
    ] {
        assert!(check(how, text).is_err(), "{how:?}: {text}");
    }
}
