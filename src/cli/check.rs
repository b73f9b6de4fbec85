//! `trustmint config check` and `trustmint policy check`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{ConfigFile, FINDING, FINE, INVALID, complain, say};
use crate::policy::{LoadError, load};
use crate::service::Plan;

#[derive(Debug, Args)]
pub(super) struct PolicyOptions {
    /// The folder of policies; by default the one that the configuration names
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn config(path: &Path) -> u8 {
    match Plan::read(path) {
        Ok(plan) => {
            say!(
                "{}: fine, with {} and digest {}",
                path.display(),
                counted(plan.snapshot.len()),
                plan.snapshot.digest().as_str()
            );
            FINE
        }
        Err(diagnostics) => {
            complain!("{diagnostics}");
            INVALID
        }
    }
}

pub(super) fn policies(options: &PolicyOptions) -> u8 {
    let config = match options.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let folder = options.folder.as_deref().unwrap_or(&config.policies);
    match load(folder, &config.vocabulary()) {
        Ok(snapshot) => {
            say!("{}: {}, digest {}", folder.display(), counted(snapshot.len()), snapshot.digest().as_str());
            FINE
        }
        Err(LoadError(diagnostics)) => {
            complain!("{diagnostics}");
            FINDING
        }
    }
}

fn counted(policies: usize) -> String {
    format!("{policies} {}", if policies == 1 { "policy" } else { "policies" })
}
