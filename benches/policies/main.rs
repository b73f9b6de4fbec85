//! What a million policies cost: to load, to keep, and to decide by, next to ten.
//!
//! ```text
//! cargo bench --bench policies
//! ```
//!
//! It prints and asserts no time; it fails where a decision is not the one that was expected.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints")]

mod generate;
mod measure;
#[path = "../shared/outcome.rs"]
mod outcome;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use trustmint::policy::{DirectorySnapshot, Snapshot, load};

use self::generate::Stage;
use self::measure::{Decisions, Took, median, memory};
use self::outcome::{Outcome, exit_code, unmeasured};

/// How many policies are few.
const FEW: usize = 10;

/// A million policies next to ten.
#[derive(Debug, Parser)]
struct Options {
    /// How many policies are many
    #[arg(long, default_value_t = 1_000_000)]
    many: usize,
    /// How often each is measured; odd, for the median
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Decisions in one round
    #[arg(long, default_value_t = 20_000)]
    decisions: usize,
    /// `cargo bench` says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    exit_code(if options.bench { run(&options) } else { unmeasured("policies") })
}

fn run(options: &Options) -> Outcome<()> {
    let stage = Stage::set()?;
    let few = loaded(&stage, FEW)?;
    let many = loaded(&stage, options.many)?;

    // The same ten identities over and over, and identities from all over the place.
    let spread = options.many.min(10_000);
    let streams = [
        Decisions::new(&stage, &few, (0..FEW).collect())?,
        Decisions::new(&stage, &many, (0..FEW).map(|n| n * options.many / FEW).collect())?,
        Decisions::new(&stage, &many, (0..spread).map(|n| n * 7_919 % options.many).collect())?,
    ];
    let mut rounds: Vec<Vec<Took>> = vec![Vec::new(); streams.len()];
    for _ in 0..options.rounds {
        for (stream, times) in streams.iter().zip(&mut rounds) {
            times.push(stream.decide(options.decisions)?);
        }
    }
    let names = [
        format!("{FEW} policies"),
        format!("{} policies, {FEW} identities", options.many),
        format!("{} policies, {spread} identities", options.many),
    ];
    println!(
        "\n{:40} {:>10} {:>7} {:>16} {:>7}",
        "a decision, ns", "alone", "ratio", "identity read", "ratio"
    );
    for (name, times) in names.iter().zip(&rounds) {
        let column = |of: fn(&Took) -> f64| {
            let ratio = times.iter().zip(&rounds[0]).map(|(time, few)| of(time) / of(few)).collect();
            (median(times.iter().map(of).collect()), median(ratio))
        };
        let ((alone, alone_ratio), (with, with_ratio)) =
            (column(|took| took.alone), column(|took| took.with_identity));
        println!("{name:40} {alone:10.0} {alone_ratio:6.2}× {with:16.0} {with_ratio:6.2}×");
    }
    Ok(())
}

/// Loads so many policies, and says what that took.
fn loaded(stage: &Stage, policies: usize) -> Outcome<Snapshot> {
    let folder = stage.write(policies)?;
    let begun = Instant::now();
    let files = DirectorySnapshot::at(&folder).files().len();
    let look = begun.elapsed();
    let (before, _) = memory()?;
    let begun = Instant::now();
    let snapshot = load(&folder, &stage.config.vocabulary())?;
    let took = begun.elapsed();
    let (after, peak) = memory()?;
    println!(
        "{policies} policies in {files} files: a look {look:.1?}, loaded in {took:.1?}, {} bytes a policy, {} MB at most",
        after.saturating_sub(before) / policies,
        peak / 1_000_000,
    );
    Ok(snapshot)
}
