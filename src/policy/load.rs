//! From a folder of files to a snapshot; all or nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::document::{read_deny, read_policy};
use super::{Deny, Policy, Snapshot, Vocabulary};
use crate::document::{Diagnostics, Position, Source, document, parse};

/// The largest policy file, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// How deep folders may nest.
const MAX_DEPTH: usize = 16;

/// Why there is no snapshot: everything that is wrong, at once.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub Diagnostics);

/// Loads `**/*.toml` below a folder. Hidden files and folders (a ConfigMap's `..data`) are passed
/// over, and so is what they are links to, which appears under its own name beside them.
///
/// # Errors
/// All findings, if any of them is an error.
pub fn load(folder: &Path, vocabulary: &Vocabulary) -> Result<Snapshot, LoadError> {
    let mut diagnostics = Diagnostics::default();
    let sources = sources(folder, &mut diagnostics);
    finish(&sources, vocabulary, diagnostics)
}

/// Every document below a folder, ordered by path.
pub(super) fn sources(folder: &Path, diagnostics: &mut Diagnostics) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(folder, MAX_DEPTH, &mut paths, diagnostics);
    paths.sort();
    let mut sources = Vec::with_capacity(paths.len());
    for path in paths {
        match read(&path) {
            Ok(text) => sources.push(Source::new(path.display().to_string(), text)),
            Err(error) => diagnostics.error(None, format!("{}: {error}", path.display()), None),
        }
    }
    sources
}

/// Loads documents that are in memory already.
///
/// # Errors
/// All findings, if any of them is an error.
pub fn load_documents(sources: &[Source], vocabulary: &Vocabulary) -> Result<Snapshot, LoadError> {
    finish(sources, vocabulary, Diagnostics::default())
}

fn finish(
    sources: &[Source],
    vocabulary: &Vocabulary,
    mut diagnostics: Diagnostics,
) -> Result<Snapshot, LoadError> {
    let (mut policies, mut denies, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for source in sources {
        read_source(source, vocabulary, &mut policies, &mut denies, &mut ids, &mut diagnostics);
    }
    refuse_duplicates(ids, &mut diagnostics);
    if diagnostics.has_errors() {
        diagnostics.sort();
        return Err(LoadError(diagnostics));
    }
    let digest = super::digest::digest(vocabulary, &policies, &denies);
    Ok(Snapshot::new(policies, denies, digest))
}

fn read_source(
    source: &Source,
    vocabulary: &Vocabulary,
    policies: &mut Vec<Policy>,
    denies: &mut Vec<Deny>,
    ids: &mut Vec<(String, Position)>,
    diagnostics: &mut Diagnostics,
) {
    let table = parse(source, diagnostics);
    let found = RefCell::new(std::mem::take(diagnostics));
    let root = document(source, &table, &found);
    for section in root.list("policy") {
        // Before anything else, so that a policy that cannot be read still owns its id.
        ids.extend(section.string("id").map(|id| (id.value.to_owned(), section.position())));
        policies.extend(read_policy(section, vocabulary));
    }
    denies.extend(root.list("deny").into_iter().filter_map(|section| read_deny(section, vocabulary)));
    root.finish();
    *diagnostics = found.into_inner();
}

fn refuse_duplicates(ids: Vec<(String, Position)>, diagnostics: &mut Diagnostics) {
    let mut first = HashMap::with_capacity(ids.len());
    for (id, position) in ids {
        if let Some(other) = first.get(&id) {
            diagnostics.error(
                position,
                format!("there is another policy \"{id}\" at {other}"),
                "ids are unique: they are what audit events name".to_owned(),
            );
        } else {
            first.insert(id, position);
        }
    }
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>, diagnostics: &mut Diagnostics) {
    let Some(depth) = depth.checked_sub(1) else {
        diagnostics.error(None, format!("{}: folders nest too deep", folder.display()), None);
        return;
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            diagnostics.error(None, format!("{}: {error}", folder.display()), None);
            return;
        }
    };
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                diagnostics.error(None, format!("{}: {error}", folder.display()), None);
                continue;
            }
        };
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            collect(&path, depth, paths, diagnostics);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
}

fn read(path: &Path) -> Result<String, std::io::Error> {
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other("the file is larger than 64 MiB"));
    }
    Ok(text)
}
