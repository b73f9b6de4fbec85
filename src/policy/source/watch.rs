//! Noticing that policy files changed, and reading them once they rest.
//!
//! A file that is being written looks like a shorter one, and half of a set of files like a smaller
//! set. So files are read only if two looks, [`DEBOUNCE`] apart, are equal, and what was read counts
//! only if a look afterwards is equal too.

use std::path::PathBuf;
use std::time::Duration;

use crate::policy::source::load::load_files;
use crate::policy::{DirectorySnapshot, LoadError, Snapshot, Vocabulary};

/// How long files must rest before they are read: longer than the ticks in which file systems
/// count, and than a write takes.
pub const DEBOUNCE: Duration = Duration::from_millis(100);

/// How often a first load is tried while files change under it.
const FIRST_ATTEMPTS: usize = 5;

/// A folder of policies, and how it stood when it was read last.
#[derive(Debug)]
pub struct Watch {
    folder: PathBuf,
    vocabulary: Vocabulary,
    /// What the last look saw.
    seen: Option<DirectorySnapshot>,
    /// The look at what was read last.
    read: Option<DirectorySnapshot>,
}

/// The result of a poll.
#[derive(Debug)]
pub enum PollOutcome {
    /// Nothing has changed since the files were read.
    Unchanged,
    /// They are changing; the next turn should come after [`DEBOUNCE`].
    Unstable,
    /// They were read, whole.
    Read(Box<Result<Snapshot, LoadError>>),
}

impl Watch {
    /// Reads the files for the first time. No one knows when they were written, so what is there
    /// counts; if they change meanwhile, the next turns will notice.
    ///
    /// # Errors
    /// All findings, if any of them is an error.
    pub fn begin(folder: PathBuf, vocabulary: Vocabulary) -> Result<(Self, Snapshot), LoadError> {
        let mut watch = Self { folder, vocabulary, seen: None, read: None };
        for _ in 1..FIRST_ATTEMPTS {
            watch.seen = Some(DirectorySnapshot::at(&watch.folder));
            if let PollOutcome::Read(read) = watch.poll(true) {
                return read.map(|snapshot| (watch, snapshot));
            }
        }
        let snapshot = load_files(&DirectorySnapshot::at(&watch.folder), &watch.vocabulary)?;
        Ok((watch, snapshot))
    }

    /// Looks whether the files changed, and reads them if they rest again. `force` reads them also
    /// if they did not change.
    pub fn poll(&mut self, force: bool) -> PollOutcome {
        let look = DirectorySnapshot::at(&self.folder);
        if !force && self.read.as_ref() == Some(&look) {
            self.seen = Some(look);
            return PollOutcome::Unchanged;
        }
        if self.seen.as_ref() != Some(&look) {
            self.seen = Some(look);
            return PollOutcome::Unstable;
        }
        let read = load_files(&look, &self.vocabulary);
        let after = DirectorySnapshot::at(&self.folder);
        if after != look {
            self.seen = Some(after);
            return PollOutcome::Unstable;
        }
        (self.seen, self.read) = (Some(after), Some(look));
        PollOutcome::Read(Box::new(read))
    }
}
