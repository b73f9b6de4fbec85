//! `trustmint config check` and `trustmint policy check`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::findings::{Format, Report};
use super::{ConfigFile, FINDING, FINE, INVALID, complain, say};
use crate::clock::{Clock as _, SystemClock};
use crate::policy::load;
use crate::policy::{LoadError, Snapshot};
use crate::service::Plan;
use crate::settings::Config;
use crate::toml_reader::Diagnostics;

#[derive(Debug, Args)]
pub(super) struct PolicyOptions {
    /// The folder of policies; by default the one that the configuration names
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Fail on warnings too
    #[arg(long)]
    deny_warnings: bool,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn config(path: &Path) -> u8 {
    match Plan::read(path) {
        Ok(plan) => {
            let mut warnings = plan.config.warnings.clone();
            warnings.extend(plan.snapshot.warnings(SystemClock.now()));
            for warning in warnings.unaccepted() {
                complain!("{warning}");
            }
            say!("{}: fine, with {}", path.display(), contents(&plan.snapshot));
            FINE
        }
        Err(diagnostics) => {
            complain!("{diagnostics}");
            INVALID
        }
    }
}

pub(super) fn policies(options: &PolicyOptions) -> u8 {
    let (findings, loaded, worst) = examine(options);
    let code = match worst {
        FINE if options.deny_warnings && findings.warnings() > 0 => FINDING,
        code => code,
    };
    Report { findings: &findings, loaded, configuration: &options.config.config }.write(options.format);
    code
}

/// What is found, what was loaded if it was, and the exit code without regard to warnings.
fn examine(options: &PolicyOptions) -> (Diagnostics, Option<String>, u8) {
    let config = match Config::load(&options.config.config) {
        Ok(config) => config,
        Err(diagnostics) => return (diagnostics, None, INVALID),
    };
    let folder = options.folder.as_deref().unwrap_or(&config.policies);
    let mut findings = config.warnings.clone();
    let (loaded, code) = match load(folder, &config.vocabulary()) {
        Ok(snapshot) => {
            findings.extend(snapshot.warnings(SystemClock.now()));
            (Some(format!("{}: {}", folder.display(), contents(&snapshot))), FINE)
        }
        Err(LoadError(diagnostics)) => {
            findings.extend(diagnostics);
            (None, FINDING)
        }
    };
    (findings, loaded, code)
}

fn contents(snapshot: &Snapshot) -> String {
    format!("{}, digest {}", counted(snapshot.len()), snapshot.digest().as_str())
}

pub(super) fn counted(policies: usize) -> String {
    format!("{policies} {}", if policies == 1 { "policy" } else { "policies" })
}
