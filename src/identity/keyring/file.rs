//! Keys from a file: read again when what it holds has changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::time::Instant;

use super::{Inner, Keyring, Source};
use crate::identity::{KeySet, KeySetError};

/// How often a file with keys is read.
const FILE_PERIOD: Duration = Duration::from_secs(2);

/// A key set in a file.
///
/// What counts is what it holds, and it is read each time: modification times miss what is written
/// twice within their grain, and a mounted ConfigMap changes by swapping a symbolic link above.
#[derive(Debug)]
pub struct KeysFile {
    path: PathBuf,
    allow_unnamed: bool,
    /// What was read last, good or bad; nothing if it could not be read.
    last: Mutex<Option<digest::Digest>>,
}

/// What became of a file.
enum Change {
    /// It holds other keys now.
    Keys(KeySet),
    /// It is no longer a key set, or no longer there; said once for each change.
    Bad(String),
}

impl KeysFile {
    /// Makes sense of what was just read from the file.
    ///
    /// # Errors
    /// If it is no key set.
    pub fn new(path: PathBuf, contents: &[u8], allow_unnamed: bool) -> Result<(Self, KeySet), KeySetError> {
        let set = parse(contents, allow_unnamed)?;
        Ok((Self { path, allow_unnamed, last: Mutex::new(Some(digest_of(contents))) }, set))
    }

    /// Reads it again; tells what became of it since it was read last. It blocks as files do.
    fn changed(&self) -> Option<Change> {
        let read = std::fs::read(&self.path);
        let found = read.as_deref().ok().map(digest_of);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().map(AsRef::as_ref) == found.as_ref().map(AsRef::as_ref) {
            return None;
        }
        *last = found;
        let read = read.map_err(|error| error.to_string());
        let parsed =
            read.and_then(|json| parse(&json, self.allow_unnamed).map_err(|error| error.to_string()));
        Some(parsed.map_or_else(Change::Bad, Change::Keys))
    }
}

fn digest_of(contents: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, contents)
}

fn parse(json: &[u8], allow_unnamed: bool) -> Result<KeySet, KeySetError> {
    if allow_unnamed { KeySet::parse_with_unnamed(json) } else { KeySet::parse(json) }
}

impl Keyring {
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

impl Inner {
    fn read_file(&self) {
        let Source::File(file) = &self.source else { return };
        let path = file.path.display();
        match file.changed() {
            None => {}
            Some(Change::Keys(set)) => {
                tracing::info!(issuer = &*self.issuer, %path, keys = set.len(), "the keys were read anew");
                self.load(set, Instant::now(), None);
            }
            Some(Change::Bad(error)) => {
                tracing::warn!(issuer = &*self.issuer, %path, error, "the issuer's keys cannot be read; the last good ones stay");
            }
        }
    }
}
