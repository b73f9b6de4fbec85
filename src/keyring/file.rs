//! Keys from a file: read again when what it holds has changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::time::Instant;

use super::{Inner, Keyring, Keys as _, Provider};

/// How often a file with keys is read.
const FILE_PERIOD: Duration = Duration::from_secs(2);

/// A key set in a file.
///
/// What counts is what it holds, and it is read each time: modification times miss what is written
/// twice within their grain, and a mounted ConfigMap changes by swapping a symbolic link above.
#[derive(Debug)]
pub(super) struct KeysFile {
    path: PathBuf,
    /// What was read last, good or bad; nothing if it could not be read.
    last: Mutex<Option<digest::Digest>>,
}

impl KeysFile {
    /// A file, and what was just read from it.
    pub(super) fn new(path: PathBuf, contents: &[u8]) -> Self {
        Self { path, last: Mutex::new(Some(digest_of(contents))) }
    }

    /// Reads it again; what it holds, or why it cannot be read, if that is another thing than last
    /// time. It blocks as files do.
    fn changed(&self) -> Option<Result<Vec<u8>, String>> {
        let read = std::fs::read(&self.path);
        let found = read.as_deref().ok().map(digest_of);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().map(AsRef::as_ref) == found.as_ref().map(AsRef::as_ref) {
            return None;
        }
        *last = found;
        Some(read.map_err(|error| error.to_string()))
    }
}

fn digest_of(contents: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, contents)
}

impl<P: Provider> Keyring<P> {
    /// Takes over what the file holds, whenever that changes.
    pub(super) async fn follow_file(&self) {
        loop {
            tokio::time::sleep(FILE_PERIOD).await;
            let inner = Arc::clone(&self.0);
            // Files block, and on some file systems for long.
            let _ = tokio::task::spawn_blocking(move || inner.read_file()).await;
        }
    }
}

impl<P: Provider> Inner<P> {
    fn read_file(&self) {
        let Some(file) = &self.file else { return };
        let Some(contents) = file.changed() else { return };
        let (whose, path) = (self.provider.name(), file.path.display());
        match contents.and_then(|contents| self.provider.parse(&contents)) {
            Ok(set) => {
                tracing::info!(whose, %path, keys = set.count(), "the keys were read again");
                self.load(set, Instant::now(), None);
            }
            Err(error) => {
                tracing::warn!(whose, %path, error, "the keys cannot be read; the last good ones stay");
            }
        }
    }
}
