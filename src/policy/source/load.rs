//! From a folder of files to a snapshot; all or nothing.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::policy::source::delegation::{Bounds, Delegated};
use crate::policy::source::directory::read;
use crate::policy::source::documents::{read_deny, read_policy};
use crate::policy::source::interner::Interner;
use crate::policy::tools::lint;
use crate::policy::{Deny, DirectorySnapshot, Policy, Snapshot, Vocabulary};
use crate::toml_reader::{Code, Diagnostics, Position, Source, Warnings, document, parse};

/// How often a long load says how far it is.
const PROGRESS: Duration = Duration::from_secs(1);

/// Why there is no snapshot: everything that is wrong, at once.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub Diagnostics);

/// Loads `**/*.toml` below a folder; see [`DirectorySnapshot::at`].
///
/// # Errors
/// All findings, if any of them is an error.
pub fn load(folder: &Path, vocabulary: &Vocabulary) -> Result<Snapshot, LoadError> {
    load_files(&DirectorySnapshot::at(folder), vocabulary)
}

/// Loads the files that a look found. Their texts are in memory one at a time.
///
/// # Errors
/// All findings, if any of them is an error.
pub(in crate::policy) fn load_files(
    look: &DirectorySnapshot,
    vocabulary: &Vocabulary,
) -> Result<Snapshot, LoadError> {
    let mut loading = Loading::new(vocabulary);
    for problem in look.problems() {
        loading.diagnostics.report(Code::Unreadable, None, problem, None);
    }
    let delegated = Delegated::below(look.folder(), &vocabulary.delegations);
    let files = look.files().len();
    let mut said = Instant::now();
    for (done, path) in look.files().enumerate() {
        match read(path) {
            Ok(source) => {
                loading.read(&source, &delegated.bounds(path));
            }
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
        loading.read(source, &Bounds::default());
    }
    loading.finish()
}

/// What was read so far.
struct Loading<'v> {
    vocabulary: &'v Vocabulary,
    policies: Vec<Policy>,
    denies: Vec<Deny>,
    /// Every id, and where it is written; also those of policies that could not be read.
    ids: Vec<(Arc<str>, Position)>,
    shared: Interner,
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
            shared: Interner::default(),
            warnings: Warnings::default(),
            diagnostics: Diagnostics::default(),
        }
    }

    fn read(&mut self, source: &Source, bounds: &Bounds<'_>) {
        let (from, errors) = (self.policies.len(), self.diagnostics.errors());
        let table = parse(source, &mut self.diagnostics);
        let found = RefCell::new(std::mem::take(&mut self.diagnostics));
        let root = document(source, &table, &found);
        for section in root.list("policy") {
            let (id, position) = (section.string("id").map(|id| id.value), section.position());
            let policy = read_policy(section, self.vocabulary).map(|mut policy| {
                self.shared.intern(&mut policy);
                policy
            });
            if let Some(policy) = &policy {
                refuse(bounds.excesses_of_policy(policy), &position, &found);
            }
            let id = policy.as_ref().map(|policy| Arc::clone(&policy.id)).or_else(|| id.map(Arc::from));
            self.ids.extend(id.map(|id| (id, position)));
            self.policies.extend(policy);
        }
        for section in root.list("deny") {
            let position = section.position();
            let Some(deny) = read_deny(section, self.vocabulary) else { continue };
            let canonical = |name: &str| deny.canonical(name, self.vocabulary);
            refuse(bounds.excesses_of_deny(&deny, canonical), &position, &found);
            self.denies.push(deny);
        }
        let is_whole = found.borrow().errors() == errors;
        if is_whole {
            lint::file(&root, &self.policies[from..], self.vocabulary, &mut self.warnings);
        }
        root.finish();
        self.diagnostics = found.into_inner();
    }

    fn finish(mut self) -> Result<Snapshot, LoadError> {
        drop(self.shared);
        refuse_duplicates(self.ids, &mut self.diagnostics);
        if self.diagnostics.has_errors() {
            self.diagnostics.sort();
            return Err(LoadError(self.diagnostics));
        }
        lint::together(&self.policies, &self.denies, self.vocabulary, &mut self.warnings);
        self.warnings.settle();
        let digest = crate::policy::engine::digest::digest(self.vocabulary, &self.policies, &self.denies);
        Ok(Snapshot::new(self.policies, self.denies, self.vocabulary, digest, self.warnings))
    }
}

/// Notes what a table says beyond what its file's owner may say.
fn refuse(excesses: Vec<String>, position: &Position, found: &RefCell<Diagnostics>) {
    for excess in excesses {
        let help = "ask the owner of [[policies.delegate]] in the configuration";
        found.borrow_mut().report(Code::OutsideDelegation, position.clone(), excess, help.to_owned());
    }
}

fn refuse_duplicates(mut ids: Vec<(Arc<str>, Position)>, diagnostics: &mut Diagnostics) {
    ids.sort_unstable();
    for same in ids.chunk_by(|(a, _), (b, _)| a == b) {
        let ((id, first), others) = (&same[0], &same[1..]);
        for (_, position) in others {
            diagnostics.report(
                Code::Duplicate,
                position.clone(),
                format!("there is another policy \"{id}\" at {first}"),
                "ids are unique: they are what events name".to_owned(),
            );
        }
    }
}
