//! `trustmint policy diff`. Exit codes are those of `diff`: 0 the same, 1 different, 2 trouble.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::recorded::{Record, Recorded};
use super::{print_json, printable};
use crate::cli::{ConfigFile, FINDING, FINE, INVALID, complain, load, say};
use crate::clock::{Clock as _, SystemClock};
use crate::policy::tools::diff::{Change, Changed, Row, Tally, changed};

/// How many records are compared between two words about progress.
const PROGRESS: u64 = 100_000;
/// How many lines that cannot be read are complained about one by one.
const COMPLAINTS: u64 = 10;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The folder of policies as they were
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The folder of policies as they will be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Recorded claim sets, a JSON object a line: claims, or events; `-` is standard input
    #[arg(long, value_name = "FILE")]
    claims: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
    /// How results are printed
    #[arg(long, value_enum, default_value_t)]
    format: DiffFormat,
}

/// How a difference is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
    /// For a comment on a pull request
    Markdown,
}

/// The document that `--format json` prints.
#[derive(Debug, Serialize)]
struct Difference<'t> {
    policies: Vec<Changed>,
    identities: Vec<&'t Row>,
    /// Records that gain or lose something beyond those identities.
    unlisted: u64,
    /// Records that were compared.
    compared: u64,
    /// Lines without an identity that the configuration knows.
    skipped: u64,
    /// Lines that could not be read.
    unreadable: u64,
}

pub(in crate::cli) fn run(options: &Options) -> u8 {
    diff(options).unwrap_or_else(|code| code)
}

fn diff(options: &Options) -> Result<u8, u8> {
    let config = options.config.load()?;
    let (old, new) = (load::policies(&options.old, &config)?, load::policies(&options.new, &config)?);
    let mut recorded = Recorded::open(&options.claims).map_err(|error| {
        complain!("error: {}: {error}", options.claims.display());
        INVALID
    })?;
    let (now, mut tally) = (SystemClock.now(), Tally::default());
    let (mut compared, mut skipped, mut unreadable) = (0, 0, 0);
    while let Some((line, record)) = recorded.next(&config) {
        match record {
            Ok(Record::Identity(identity)) => {
                compared += 1;
                for registry in config.registries.iter() {
                    tally.compare([&old, &new], &identity, registry, line, now);
                }
            }
            Ok(Record::Nothing) => skipped += 1,
            Err(why) => {
                unreadable += 1;
                if unreadable <= COMPLAINTS {
                    complain!("error: {}:{line}: {}", options.claims.display(), printable(&why));
                }
            }
        }
        if line % PROGRESS == 0 {
            complain!("{line} lines read, {} identities gain or lose something", tally.rows().len());
        }
    }
    let difference = Difference {
        policies: changed(&old, &new),
        identities: tally.rows().collect(),
        unlisted: tally.unlisted(),
        compared,
        skipped,
        unreadable,
    };
    match options.format {
        DiffFormat::Human => human(&difference),
        DiffFormat::Markdown => markdown(&difference),
        DiffFormat::Json => {
            print_json(&difference);
        }
    }
    let same = difference.policies.is_empty() && difference.identities.is_empty();
    Ok(match unreadable {
        0 if same => FINE,
        0 => FINDING,
        _ => INVALID,
    })
}

fn human(difference: &Difference<'_>) {
    for Changed { change, policy, at } in &difference.policies {
        say!("{} {}  ({at})", word(*change), policy.as_deref().unwrap_or("a top-level deny"));
    }
    for row in &difference.identities {
        say!("{} on {}: {}", printable(&name(row)), row.registry, seen(row));
        for (verb, scope) in [("gains", &row.gains), ("loses", &row.loses)] {
            if !scope.is_empty() {
                say!("  {verb}  {scope}");
            }
        }
    }
    say!("{}", summary(difference));
}

/// Foreign text stands in code spans, which it cannot end.
fn markdown(difference: &Difference<'_>) {
    let code = |text: &str| format!("`{}`", printable(text).replace('`', "'"));
    say!("### Trust policies");
    say!();
    for Changed { change, policy, at } in &difference.policies {
        let what = policy.as_deref().map_or_else(|| "a top-level deny".to_owned(), code);
        say!("- {} {what} ({})", word(*change), code(at));
    }
    for (verb, of) in [("gains", (|row| &row.gains) as fn(&Row) -> &String), ("loses", |row| &row.loses)] {
        let concerned: Vec<_> = difference.identities.iter().filter(|row| !of(row).is_empty()).collect();
        if concerned.is_empty() {
            continue;
        }
        say!();
        say!("#### Who {verb} what");
        say!();
        for row in concerned {
            say!("- {} on {}: {} ({})", code(&name(row)), code(&row.registry), code(of(row)), seen(row));
        }
    }
    say!();
    say!("{}", summary(difference));
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    }
}

fn name(row: &Row) -> String {
    match &row.repository {
        Some(repository) => format!("{repository} ({})", row.subject),
        None => row.subject.to_string(),
    }
}

fn seen(row: &Row) -> String {
    match row.records {
        1 => format!("line {}", row.first_line),
        records => format!("{records} records, the first at line {}", row.first_line),
    }
}

fn summary(difference: &Difference<'_>) -> String {
    let Difference { policies, identities, unlisted, compared, skipped, unreadable } = difference;
    let mut summary = format!(
        "{} policies and denies changed; of {compared} records, {} identities gain or lose something",
        policies.len(),
        identities.len()
    );
    for (number, what) in [
        (unlisted, "further records do so too"),
        (skipped, "lines have no identity that the configuration knows"),
        (unreadable, "lines cannot be read"),
    ] {
        if *number > 0 {
            summary.push_str(&format!("; {number} {what}"));
        }
    }
    summary
}
