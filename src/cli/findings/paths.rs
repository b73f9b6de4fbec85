//! Files by names that others can follow: relative to where the command was started.

use std::path::Path;

/// A file's path below the working folder, with `/`; as it was named if it is not below it.
pub(super) fn relative(file: &str) -> String {
    let path = Path::new(file);
    let is_plain = path.is_relative() && !path.components().any(|part| part.as_os_str() == "..");
    if is_plain {
        return file.strip_prefix("./").unwrap_or(file).to_owned();
    }
    let below = || {
        let here = std::env::current_dir().ok()?.canonicalize().ok()?;
        Some(path.canonicalize().ok()?.strip_prefix(here).ok()?.display().to_string())
    };
    below().unwrap_or_else(|| file.to_owned())
}
