//! The files: looked at by the service's own readers, then written, never over others.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Options;
use crate::cli::{INVALID, complain};
use crate::policy::{LoadError, load_documents};
use crate::settings::Config;
use crate::toml_reader::{Diagnostics, Source};

pub(super) const CONFIGURATION: &str = "trustmint.toml";

/// Says what is there already; or goes on.
pub(super) fn refuse_to_replace(options: &Options, names: &[PathBuf]) -> Result<(), u8> {
    let there =
        names.iter().map(|name| options.folder.join(name)).find(|path| path.symlink_metadata().is_ok());
    match there {
        Some(path) if !options.force => {
            complain!("error: {} is there already; --force replaces it", path.display());
            Err(INVALID)
        }
        _ => Ok(()),
    }
}

/// Writes both, if they are right.
pub(super) fn write(options: &Options, configuration: &str, policy: &str, text: &str) -> Result<(), u8> {
    refuse_to_replace(options, &[policy.into()])?;
    let policies = options.folder.join("policies");
    // The reader wants the folder to be there; what was made for it goes again.
    let made: Vec<_> =
        [policies.as_path(), &options.folder].into_iter().filter(|folder| !folder.exists()).collect();
    fs::create_dir_all(&policies).map_err(|error| unwritable(&policies, &error))?;
    if let Err(diagnostics) = examine(&options.folder, configuration, policy, text) {
        for folder in made {
            let _ = fs::remove_dir(folder);
        }
        complain!("{diagnostics}");
        complain!("error: nothing was written: the answers make no configuration");
        return Err(INVALID);
    }
    for (name, text) in [(policy, text), (CONFIGURATION, configuration)] {
        let path = options.folder.join(name);
        create(&path, text, options.force).map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}

/// As `config check` and `policy check` would.
fn examine(folder: &Path, configuration: &str, policy: &str, text: &str) -> Result<(), Diagnostics> {
    let config = Config::read(&Source::new(CONFIGURATION, configuration), folder)?;
    load_documents(&[Source::new(policy, text)], &config.vocabulary())
        .map(|_| ())
        .map_err(|LoadError(diagnostics)| diagnostics)
}

fn create(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if replace {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(path)?.write_all(text.as_bytes())
}

fn unwritable(path: &Path, error: &io::Error) -> u8 {
    complain!("error: {}: {error}", path.display());
    INVALID
}
