//! Imports point downwards: lower layers import neither the use cases nor HTTP, and no two top-level modules import
//! each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LOWER: [&str; 20] = [
    "clock",
    "denial",
    "events",
    "fetch",
    "headers",
    "hex",
    "identity",
    "keyring",
    "metrics",
    "policy",
    "registry",
    "reporters",
    "secret",
    "settings",
    "store",
    "text",
    "tls",
    "token",
    "toml_reader",
    "webhooks",
];
const UPPER: [&str; 2] = ["broker", "http"];

#[test]
fn lower_layers_do_not_import_upper_layers() {
    let source = source();
    let mut files = Vec::new();
    for module in LOWER {
        let before = files.len();
        collect(&source.join(module), &mut files);
        collect(&source.join(format!("{module}.rs")), &mut files);
        assert!(files.len() > before, "src has no module {module}");
    }
    let mut found = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("a source file");
        let module = module_of(&source, file);
        found.extend(
            upper_paths(&text, &module).into_iter().map(|path| format!("{}: {path}", file.display())),
        );
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn top_level_modules_have_no_cycle() {
    let source = source();
    let mut files = Vec::new();
    collect(&source, &mut files);
    let mut imports = BTreeMap::<String, BTreeSet<String>>::new();
    for file in &files {
        let Some(module) = module_of(&source, file).first().cloned() else { continue };
        // The root declares the modules; `reference` is compiled for tests only.
        if ["lib", "main", "reference"].contains(&module.as_str()) {
            continue;
        }
        let text = fs::read_to_string(file).expect("a source file");
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        imports
            .entry(module.clone())
            .or_default()
            .extend(imported(code).into_iter().filter(|name| *name != module));
    }
    assert!(
        imports.len() > 20 && imports.values().any(|names| names.len() > 5),
        "imports are found: {imports:?}"
    );
    // What imports nothing that is left is removed; a cycle stays.
    while let Some(leaf) = imports
        .iter()
        .find(|(_, names)| !names.iter().any(|name| imports.contains_key(name)))
        .map(|(module, _)| module.clone())
    {
        imports.remove(&leaf);
    }
    assert!(imports.is_empty(), "these modules import each other: {imports:?}");
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../src")
}

/// Returns the path of a file's module, from the root.
fn module_of(source: &Path, file: &Path) -> Vec<String> {
    let inner = file.strip_prefix(source).expect("below").with_extension("");
    let parts = inner.iter().map(|part| part.to_str().expect("a name").to_owned());
    parts.filter(|part| part != "mod").collect()
}

/// Returns the top-level modules that a text names by `crate::…`.
fn imported(text: &str) -> BTreeSet<String> {
    let tokens = tokens(text);
    let mut found = BTreeSet::new();
    for place in (0..tokens.len()).filter(|place| tokens[*place] == "crate") {
        let mut paths = Vec::new();
        expand(&tokens, place, &mut Vec::new(), &mut paths);
        found
            .extend(paths.into_iter().filter_map(|path| path.into_iter().nth(1)).filter(|name| name != "as"));
    }
    found
}

#[test]
fn each_import_form_is_recognised() {
    let module = ["store".to_owned(), "redis".to_owned()];
    for named in [
        "use crate::broker::Broker;",
        "use crate::broker;",
        "fn f(b: &crate :: http::Listeners) {}",
        "use crate::{audit::Event, broker};",
        "use crate::{\n    audit,\n    http::{Listeners, OpenDoors},\n};",
        "use {std::fmt, crate::broker as b};",
        "use super::super::broker::Broker;",
        "let x = super::super::http::x();",
        "use super::super::{audit, broker::Broker};",
        "use trustmint::broker::Broker;",
        "use crate::*;",
        "use super::super::*;",
        "use crate as root;",
        "use crate::{self as root};",
        "mod inner { use super::super::super::broker; }",
        "pub(in crate::http) fn f() {}",
        "mod a { mod b { fn f() {} } use super::super::super::http; }",
        "mod a { fn f() { x } } use super::super::*;",
    ] {
        assert!(!upper_paths(named, &module).is_empty(), "{named}");
    }
    for fine in [
        "use axum::http::StatusCode;",
        "use hyper::http;",
        "use super::http::Link;",
        "use crate::audit::{self, broker_event};",
        "// use crate::broker::Broker;",
        "/// See [`crate::http`].",
        "let text = \"crate::broker::Broker\";",
        "let broker = 1; let http = broker;",
        "use crate::store::{http, Broker};",
        "use super::super::audit::*;",
        "mod tests { use super::super::*; }",
        "pub(crate) fn f() {}",
    ] {
        assert_eq!(upper_paths(fine, &module), Vec::<String>::new(), "{fine}");
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            collect(&entry.expect("an entry").path(), files);
        }
    } else if path.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
        files.push(path.to_owned());
    }
}

/// Returns the paths in a file that lead to an upper layer, or to everything at the root.
fn upper_paths(text: &str, module: &[String]) -> Vec<String> {
    let tokens = tokens(text);
    let (mut found, mut place, mut depth) = (Vec::new(), 0, 0_usize);
    // At which depth of braces each module within the file begins.
    let mut inner = Vec::new();
    while let Some(token) = tokens.get(place) {
        match token.as_str() {
            "crate" | "super" | "trustmint" if place == 0 || tokens[place - 1] != "::" => {
                let mut paths = Vec::new();
                place = expand(&tokens, place, &mut Vec::new(), &mut paths);
                let below = module.len() + inner.len();
                found.extend(
                    paths.into_iter().filter(|path| is_upper(path, below)).map(|path| path.join("::")),
                );
                continue;
            }
            "{" => {
                depth += 1;
                if place >= 2 && tokens[place - 2] == "mod" {
                    inner.push(depth);
                }
            }
            "}" => {
                inner.pop_if(|begun| *begun == depth);
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        place += 1;
    }
    found
}

/// Reads one path, or one tree of paths in braces; returns where it ends.
fn expand(
    tokens: &[String],
    mut place: usize,
    head: &mut Vec<String>,
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let depth = head.len();
    while let Some(token) = tokens.get(place) {
        place += 1;
        if token == "{" {
            while tokens.get(place).is_some_and(|token| token != "}") {
                if tokens[place] == "," {
                    place += 1;
                } else {
                    place = expand(tokens, place, head, paths);
                }
            }
            place += 1;
            head.truncate(depth);
            return place;
        }
        head.push(token.clone());
        match tokens.get(place).map(String::as_str) {
            Some("::") => place += 1,
            Some("as") => {
                head.push("as".to_owned());
                place += 2;
                break;
            }
            _ => break,
        }
    }
    paths.push(head.clone());
    head.truncate(depth);
    place
}

/// Whether a path from a module this far below the root leads to an upper layer.
fn is_upper(path: &[String], below: usize) -> bool {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let rest = match path[0].as_str() {
        "crate" | "trustmint" => &path[1..],
        _ if supers == below => &path[supers..],
        _ => return false,
    };
    // `crate` alone is a visibility.
    rest.first()
        .is_some_and(|first| UPPER.contains(&first.as_str()) || ["*", "as", "self"].contains(&first.as_str()))
}

/// Words, `::`, braces and commas, without comments and strings.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else if first == '"' {
            string_length(rest)
        } else if rest.starts_with("'\"'") {
            3
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// A string literal's length, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (place, letter) in text.char_indices().skip(1) {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return place + 1,
            _ => escaped = false,
        }
    }
    text.len()
}
