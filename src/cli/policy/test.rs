//! `trustmint policy test`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Format, print_json, printable};
use crate::cli::check::counted;
use crate::cli::{ConfigFile, FINDING, FINE, complain, load, say};
use crate::clock::{Clock as _, SystemClock};
use crate::policy::tools::testing::{self, PolicyReport};

/// Tests say what a policy is for: each lays claims over those of an identity that the policy
/// matches. Policies that no one can satisfy are findings too.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The folder of policies; by default the one that the configuration names
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
    /// How results are printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How many there are, and how many failed.
#[derive(Debug, Default, Serialize)]
struct Counts {
    policies: usize,
    tests: usize,
    failed: usize,
    unsatisfiable: usize,
}

/// The document that `--format json` prints.
#[derive(Debug, Serialize)]
struct Results {
    policies: Vec<PolicyReport>,
    counts: Counts,
}

pub(in crate::cli) fn run(options: &Options) -> u8 {
    match test(options) {
        Ok(counts) if counts.failed + counts.unsatisfiable == 0 => FINE,
        Ok(_) => FINDING,
        Err(code) => code,
    }
}

fn test(options: &Options) -> Result<Counts, u8> {
    let config = options.config.load()?;
    let vocabulary = config.vocabulary();
    let folder = options.folder.as_deref().unwrap_or(&config.policies);
    let snapshot = load::policies(folder, &config)?;
    let tests = testing::load_tests(folder, &vocabulary).map_err(load::invalid)?;

    let (mut counts, mut kept) = (Counts::default(), Vec::new());
    for report in testing::run(&snapshot, &vocabulary, &tests, SystemClock.now()) {
        counts.policies += 1;
        counts.tests += report.tests.len();
        counts.failed += report.tests.iter().filter(|test| !test.passed).count();
        counts.unsatisfiable += usize::from(report.unsatisfiable.is_some());
        match options.format {
            Format::Human => print(&report),
            Format::Json => kept.push(report),
        }
    }
    match options.format {
        Format::Human => {
            let failed = counts.failed + counts.unsatisfiable;
            say!("{}, {} tests, {failed} failed", counted(counts.policies), counts.tests);
        }
        Format::Json => {
            let results = Results { policies: kept, counts };
            print_json(&results);
            return Ok(results.counts);
        }
    }
    Ok(counts)
}

fn print(report: &PolicyReport) {
    let exercised = report.conditions - report.unexercised.len();
    say!("{}: {} of {} conditions exercised", report.policy, exercised, report.conditions);
    for test in &report.tests {
        if test.passed {
            say!("  ok      {}", printable(&test.name));
        } else {
            say!("  FAILED  {}", printable(&test.name));
            complain!("error: {}: expected {}, but: {}", test.at, test.expected, printable(&test.said));
        }
    }
    if let Some(why) = &report.unsatisfiable {
        say!("  FAILED  (an identity made up from its conditions)");
        complain!("error: {}: it seems that no one satisfies this policy: {}", report.at, printable(why));
        complain!("  help: if someone does, show it by a test with `claims` and `expect = \"allow\"`");
    }
    if !report.unexercised.is_empty() {
        say!("  no test for {}", report.unexercised.join(", "));
    }
}
