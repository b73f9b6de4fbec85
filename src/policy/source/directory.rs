//! The policy files below a folder: which there are, how they stand, what they say.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::toml_reader::Source;

/// The largest policy file, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

const NO_FILE: &str = "it is not a regular file";

/// How deep folders may nest.
const MAX_DEPTH: usize = 16;

/// One look at a folder. Two looks are equal if no file was added, removed, replaced or written to
/// between them; no file is read for it.
#[derive(Debug, PartialEq, Eq)]
pub struct DirectorySnapshot {
    folder: PathBuf,
    files: Vec<(PathBuf, Stamp)>,
    problems: Vec<String>,
}

/// How a file stands. Whatever is done to a file changes one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// When content or attributes changed last, in seconds and nanoseconds; no user can set it.
    changed: (i64, i64),
}

impl Stamp {
    /// That of what a link leads to.
    fn of(file: &fs::Metadata) -> Self {
        let changed = (file.ctime(), file.ctime_nsec());
        Self { device: file.dev(), inode: file.ino(), size: file.size(), changed }
    }
}

impl DirectorySnapshot {
    /// Looks at `**/*.toml` below a folder. Hidden files and folders (a ConfigMap's `..data`) are
    /// skipped, and so is what they are links to, which appears under its own name beside them.
    pub fn at(folder: &Path) -> Self {
        let mut look = Self { folder: folder.to_owned(), files: Vec::new(), problems: Vec::new() };
        look.collect(folder, MAX_DEPTH);
        look.files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        look.problems.sort_unstable();
        look
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files, ordered by path.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    /// What could not be looked at.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn collect(&mut self, folder: &Path, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            self.problems.push(format!("{}: folders nest too deep", folder.display()));
            return;
        };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.problems.push(format!("{}: {error}", folder.display()));
                return;
            }
        };
        for entry in entries {
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(error) => {
                    self.problems.push(format!("{}: {error}", folder.display()));
                    continue;
                }
            };
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            let is_toml = path.extension().is_some_and(|extension| extension == "toml");
            // What cannot be looked at could be a folder of denies, whatever its name.
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() => self.collect(&path, depth),
                Ok(found) if is_toml && found.is_file() => self.files.push((path, Stamp::of(&found))),
                Ok(_) if is_toml => self.problems.push(format!("{}: {NO_FILE}", path.display())),
                Ok(_) => {}
                Err(error) => self.problems.push(format!("{}: {error}", path.display())),
            }
        }
    }
}

/// Reads one file whole.
///
/// # Errors
/// If it cannot be read, is not UTF-8, or is larger than 64 MiB.
pub(in crate::policy) fn read(path: &Path) -> Result<Source, std::io::Error> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    // A pipe or a terminal, by way of a link, would be read for ever.
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other(NO_FILE));
    }
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other("the file is larger than 64 MiB"));
    }
    Ok(Source::new(path.display().to_string(), text))
}
