//! The demo's own directory, of which nothing is left.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::issuer::random_hex;

/// A directory for no one else's eyes; it is removed with everything in it when this is dropped.
#[derive(Debug)]
pub(super) struct Workspace(PathBuf);

impl Workspace {
    /// Makes the directory among the system's temporary ones.
    pub(super) fn create() -> io::Result<Self> {
        let name = format!("trustmint-demo-{}", random_hex::<8>()?);
        let path = std::path::absolute(std::env::temp_dir())?.join(name);
        // Neither `create_dir_all` nor a later chmod: what exists already is not ours, and there is
        // no instant at which others can look in.
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| named(&error, &path))?;
        Ok(Self(path))
    }

    /// Where a file of this name is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file, with the folder it is in.
    pub(super) fn write(&self, name: &str, contents: &str) -> io::Result<()> {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| named(&error, folder))?;
        }
        fs::write(&path, contents).map_err(|error| named(&error, &path))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the demo's directory could not be removed");
        }
    }
}

fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn workspace_is_private_and_removed_with_its_content() {
        let workspace = Workspace::create().expect("created");
        workspace.write("policies/a.toml", "x").expect("written");
        let path = workspace.path("");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(workspace);
        assert!(!path.exists());
    }
}
