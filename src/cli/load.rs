//! Reading what a command names; what is wrong with it is complained about.

use std::path::Path;

use super::{INVALID, complain};
use crate::policy::{self, LoadError, Snapshot};
use crate::settings::Config;

/// The policies of a folder, or the exit code.
pub(super) fn policies(folder: &Path, config: &Config) -> Result<Snapshot, u8> {
    policy::load(folder, &config.vocabulary()).map_err(invalid)
}

/// The exit code of policies that do not load.
pub(super) fn invalid(LoadError(diagnostics): LoadError) -> u8 {
    complain!("{diagnostics}");
    INVALID
}
