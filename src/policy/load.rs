//! From a folder of files to a snapshot; all or nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::document::{read_deny, read_policy};
use super::files::read;
use super::{Deny, Look, Policy, Snapshot, Vocabulary, lint};
use crate::document::{Code, Diagnostics, Position, Source, Warnings, document, parse};

/// How often a long load says how far it is.
const PROGRESS: Duration = Duration::from_secs(1);

/// Why there is no snapshot: everything that is wrong, at once.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub Diagnostics);

/// Loads `**/*.toml` below a folder; see [`Look::at`].
///
/// # Errors
/// All findings, if any of them is an error.
pub fn load(folder: &Path, vocabulary: &Vocabulary) -> Result<Snapshot, LoadError> {
    load_files(&Look::at(folder), vocabulary)
}

/// Loads the files that a look found. Their texts are in memory one at a time.
///
/// # Errors
/// All findings, if any of them is an error.
pub(super) fn load_files(look: &Look, vocabulary: &Vocabulary) -> Result<Snapshot, LoadError> {
    let mut loading = Loading::new(vocabulary);
    for problem in look.problems() {
        loading.diagnostics.report(Code::Unreadable, None, problem, None);
    }
    let files = look.files().len();
    let mut said = Instant::now();
    for (done, path) in look.files().enumerate() {
        match read(path) {
            Ok(source) => loading.read(&source),
            Err(error) => {
                let message = format!("{}: {error}", path.display());
                loading.diagnostics.report(Code::Unreadable, None, message, None);
            }
        }
        if said.elapsed() >= PROGRESS {
            tracing::info!(policies = loading.policies.len(), done, files, "reading policies");
            said = Instant::now();
        }
    }
    loading.finish()
}

/// Loads documents that are in memory already.
///
/// # Errors
/// All findings, if any of them is an error.
pub fn load_documents(sources: &[Source], vocabulary: &Vocabulary) -> Result<Snapshot, LoadError> {
    let mut loading = Loading::new(vocabulary);
    for source in sources {
        loading.read(source);
    }
    loading.finish()
}

/// What was read so far.
struct Loading<'v> {
    vocabulary: &'v Vocabulary,
    policies: Vec<Policy>,
    denies: Vec<Deny>,
    ids: Vec<(String, Position)>,
    warnings: Warnings,
    diagnostics: Diagnostics,
}

impl<'v> Loading<'v> {
    fn new(vocabulary: &'v Vocabulary) -> Self {
        Self {
            vocabulary,
            policies: Vec::new(),
            denies: Vec::new(),
            ids: Vec::new(),
            warnings: Warnings::default(),
            diagnostics: Diagnostics::default(),
        }
    }

    fn read(&mut self, source: &Source) {
        let (from, errors) = (self.policies.len(), self.diagnostics.errors());
        let table = parse(source, &mut self.diagnostics);
        let found = RefCell::new(std::mem::take(&mut self.diagnostics));
        let root = document(source, &table, &found);
        for section in root.list("policy") {
            // Before anything else, so that a policy that cannot be read still owns its id.
            self.ids.extend(section.string("id").map(|id| (id.value.to_owned(), section.position())));
            self.policies.extend(read_policy(section, self.vocabulary));
        }
        let denies = root.list("deny").into_iter();
        self.denies.extend(denies.filter_map(|section| read_deny(section, self.vocabulary)));
        let is_whole = found.borrow().errors() == errors;
        if is_whole {
            lint::file(&root, &self.policies[from..], self.vocabulary, &mut self.warnings);
        }
        root.finish();
        self.diagnostics = found.into_inner();
    }

    fn finish(mut self) -> Result<Snapshot, LoadError> {
        refuse_duplicates(self.ids, &mut self.diagnostics);
        if self.diagnostics.has_errors() {
            self.diagnostics.sort();
            return Err(LoadError(self.diagnostics));
        }
        lint::together(&self.policies, &self.denies, self.vocabulary, &mut self.warnings);
        self.warnings.settle();
        let digest = super::digest::digest(self.vocabulary, &self.policies, &self.denies);
        Ok(Snapshot::new(self.policies, self.denies, digest, self.warnings))
    }
}

fn refuse_duplicates(ids: Vec<(String, Position)>, diagnostics: &mut Diagnostics) {
    let mut first = HashMap::with_capacity(ids.len());
    for (id, position) in ids {
        if let Some(other) = first.get(&id) {
            diagnostics.report(
                Code::Duplicate,
                position,
                format!("there is another policy \"{id}\" at {other}"),
                "ids are unique: they are what audit events name".to_owned(),
            );
        } else {
            first.insert(id, position);
        }
    }
}
