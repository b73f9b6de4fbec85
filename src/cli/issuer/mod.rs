//! `trustmint issuer check`: does an issuer work, and what should its operator know?
//!
//! An issuer is examined with the service's own client, roots and address rules; each check then
//! looks at what was found. Nothing is kept.

mod checks;
mod examination;
mod finding;
mod human;
mod report;
mod shown;
mod subject;
mod trouble;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use ipnet::IpNet;

use self::examination::examine;
use self::finding::Severity;
use self::report::{Outcome, Report};
use super::{FINDING, FINE, INVALID, UNREACHABLE, complain, runtime, say};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// An issuer's id, or the https URL of an issuer that need not be configured; left out: every configured issuer
    #[arg(value_name = "ID|URL")]
    issuer: Option<String>,
    /// The configuration file [default: trustmint.toml]
    #[arg(long, env = "TRUSTMINT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the report is written; `json` has stable names
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Exit with 1 if there is a warning
    #[arg(long)]
    deny_warnings: bool,
    /// With a URL: trust only the roots in this file
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// With a URL: a network of private addresses in which the issuer may live; may be repeated
    #[arg(long, value_name = "NETWORK")]
    allow_private: Vec<IpNet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

pub(super) fn check(options: &Options) -> u8 {
    let subjects = match subject::chosen(options) {
        Ok(subjects) => subjects,
        Err(complaint) => {
            complain!("{complaint}");
            return INVALID;
        }
    };
    if subjects.len() > 1 {
        let ids: Vec<_> = subjects.iter().map(|subject| &*subject.issuer.settings.id).collect();
        complain!("asking {}", ids.join(", "));
    }
    let examinations = match runtime() {
        Ok(runtime) => runtime.block_on(join_all(subjects.into_iter().map(examine))),
        Err(code) => return code,
    };
    let reports: Vec<_> = examinations.iter().map(Report::of).collect();
    match options.format {
        Format::Human => human::print(&reports),
        Format::Json => {
            let reports = BTreeMap::from([("issuers", &reports)]);
            say!("{}", serde_json::to_string_pretty(&reports).unwrap_or_default());
        }
    }
    exit_code(&reports, options.deny_warnings)
}

/// An issuer that certainly cannot work outweighs one that was not reached.
fn exit_code(reports: &[Report], deny_warnings: bool) -> u8 {
    let warned = || {
        reports
            .iter()
            .flat_map(|report| &report.findings)
            .any(|finding| finding.severity == Severity::Warning)
    };
    let ended = |outcome| reports.iter().any(|report| report.outcome == outcome);
    if ended(Outcome::Finding) || (deny_warnings && warned()) {
        FINDING
    } else if ended(Outcome::Unreachable) {
        UNREACHABLE
    } else {
        FINE
    }
}
