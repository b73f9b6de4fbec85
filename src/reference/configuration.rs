//! `configuration.md`: what the reader takes, and what `config::keys` says about it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{cell, check};
use crate::settings::Config;
use crate::settings::keys::{KEYS, Key};
use crate::toml_reader::{Source, asked};

/// Every table there is, so that the reader asks for every key. Whether the values are right does not
/// matter here, but `issuers` and `registries` are read whatever they are called.
const EVERYTHING: &str = r#"
public_url = "https://publish.example.com"
[listen]
tls = {}
[store]
[policies]
[[policies.delegate]]
actions = []
[audit]
[limits]
[issuers."*"]
kind = "oidc"
[issuers."*".accept]
[registries."*"]
[registries."*".upstream]
[[registries."*".clients]]
[reporters."*"]
kind = "signed"
[webhooks."*"]
ca_file = "x"
"#;

/// What a reader asks for, and as what.
fn taken() -> BTreeMap<String, String> {
    asked::take();
    for (kind, more) in [
        ("oidc", ""),
        ("oidc", "keys_file = \"x\""),
        ("oidc", "url = \"x\"\nca_file = \"x\""),
        ("signed", "keys_file = \"x\""),
        ("signed", "keys_token_file = \"x\"\nca_file = \"x\""),
        ("signed", "#"),
    ] {
        let kind = format!("kind = \"{kind}\"");
        let text = match more {
            "#" => EVERYTHING.replace(&kind, "kind = \"gitlab-revocation\""),
            more => EVERYTHING.replace(&kind, &format!("{kind}\n{more}")),
        };
        let read = Config::read(&Source::new("everything", text), Path::new("."));
        assert!(read.is_err(), "it is not a good configuration");
    }
    asked::take()
}

#[test]
fn reference_lists_exactly_the_configuration_keys() {
    let taken = taken();
    let documented: Vec<_> = KEYS.iter().map(|(path, ..)| *path).collect();
    for path in taken.keys() {
        assert!(documented.contains(&path.as_str()), "`{path}` is not in src/settings/keys.rs");
        assert!(!taken[path].is_empty(), "add `{path}` to `EVERYTHING`, so that its type is seen");
    }
    for path in &documented {
        assert!(taken.contains_key(*path), "`{path}` is in src/settings/keys.rs, and no reader takes it");
        assert_eq!(documented.iter().filter(|other| other == &path).count(), 1, "{path}");
        // A table whose keys no one asked for is missing above.
        let is_table = taken[*path].ends_with("table") || taken[*path].ends_with("tables");
        let has_keys = documented.iter().any(|other| other.starts_with(&format!("{path}.")));
        assert!(!is_table || has_keys || path.ends_with(".accept"), "add [{path}] to `EVERYTHING`");
    }
}

/// A configuration in which every table with a default has its section.
const PLAIN: &str = r#"
public_url = "https://publish.example.com"
[listen]
public = "127.0.0.1:0"
[store]
path = "x"
[policies]
path = "policies"
[limits]
[issuers.*]
kind = "oidc"
url = "https://ci.example.com"
pins = ["sub"]
[registries.*]
kind = "pypi"
hosts = ["pypi.example.com"]
[registries.*.upstream]
credential_file = "credential"
"#;

#[test]
fn reference_defaults_match_the_code() {
    let folder = std::env::temp_dir().join(format!("trustmint-reference-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("policies")).expect("a folder");
    std::fs::write(folder.join("credential"), "Basic dTpw").expect("a file");
    let read = |text: &str| {
        let text = text.replace(".*", ".any");
        let config =
            Config::read(&Source::new("plain", text), &folder).unwrap_or_else(|found| panic!("{found}"));
        let issuers: Vec<_> = config.issuers.iter().map(|issuer| &issuer.settings).collect();
        let registries: Vec<_> = config.registries.iter().collect();
        format!("{:?} {:?} {registries:?} {issuers:?}", config.limits, config.policies_poll)
    };
    let plain = read(PLAIN);
    let mut compared = 0;
    for (path, default, _) in KEYS {
        let quoted = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        let Some(literal) = quoted.filter(|literal| !literal.contains('`')) else { continue };
        let (table, key) = path.rsplit_once('.').expect("a key of a table");
        let header = format!("[{table}]\n");
        assert!(PLAIN.contains(&header), "{header}");
        let written = PLAIN.replace(&header, &format!("{header}{key} = {literal}\n"));
        assert_eq!(read(&written), plain, "{path} = {literal}");
        compared += 1;
    }
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(compared >= 25, "only {compared} defaults were compared");
}

#[test]
fn configuration() {
    let taken = taken();
    let mut text = "# Configuration\n\n<!-- Written by the code: src/settings/keys.rs. -->\n\n\
        `trustmint.toml` is TOML. File names in it are relative to its own folder. A duration is a number and a \
        unit, such as `\"90s\"`, `\"15m\"` or `\"1500ms\"`. A key that is not here is an error, and \
        `trustmint config check` shows every error at once.\n\n## The file itself\n\n"
        .to_owned();
    rows(&mut text, "", &taken);
    for (path, default, meaning) in KEYS {
        if !is_table(&taken[*path]) || *path == "issuers.*.accept" {
            continue;
        }
        let header = path.replace('*', "<name>");
        let header = if taken[*path] == "table" { format!("[{header}]") } else { format!("[[{header}]]") };
        let _ = write!(text, "## `{header}`\n\n{meaning}");
        let _ = match *default {
            "required" => write!(text, " Required.\n\n"),
            "none" | "see below" => write!(text, "\n\n"),
            default => write!(text, " Default: {default}.\n\n"),
        };
        rows(&mut text, &format!("{path}."), &taken);
    }
    check("configuration.md", &text);
}

fn is_table(form: &str) -> bool {
    form == "table" || form == "list of tables"
}

/// The table of the keys right below a path, if there are any.
fn rows(text: &mut String, below: &str, taken: &BTreeMap<String, String>) {
    let direct = |(path, ..): &&Key| {
        let key = path.strip_prefix(below);
        key.is_some_and(|key| !key.contains('.') && key != "*")
    };
    let keys: Vec<_> = KEYS
        .iter()
        .filter(direct)
        .filter(|(path, ..)| !is_table(&taken[*path]) || path.ends_with(".accept"))
        .collect();
    if keys.is_empty() {
        return;
    }
    text.push_str("| key | type | default | |\n|---|---|---|---|\n");
    for (path, default, meaning) in keys {
        let key = &path[below.len()..];
        let _ =
            writeln!(text, "| `{key}` | {} | {} | {} |", cell(&taken[*path]), cell(default), cell(meaning));
    }
    text.push('\n');
}
