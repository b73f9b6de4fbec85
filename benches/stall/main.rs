//! What requests for known keys pay while an issuer stalls: the real binary, two issuers over https,
//! a thousand exchanges a second for known keys of both, and strangers' requests under unknown `kid`s,
//! which make the broker ask the first issuer and wait for it. Once it answers, and once it does not:
//!
//! ```text
//! cargo bench --bench stall [-- --quick]
//! ```
//!
//! It prints and asserts no time; it fails where a request for a known key is not answered with 200.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints")]

mod open_loop;
mod provider;
#[path = "../shared/mod.rs"]
mod shared;
mod stage;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use self::open_loop::Seen;
use self::shared::Outcome;
use self::shared::outcome::{exit_code, unmeasured};
use self::stage::Stage;

/// How much slower the design lets the slowest hundredth be.
const BUDGET: f64 = 1.5;

/// trustmint beside an issuer that stalls.
#[derive(Debug, Parser)]
struct Options {
    /// How long the issuer stalls, and the run without that takes
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    stall: Duration,
    /// Exchanges a second for known keys, half of them the stalled issuer's
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Exchanges a second for unknown keys of the stalled issuer
    #[arg(long, default_value_t = 20)]
    strangers: u32,
    /// Stall for five seconds only
    #[arg(long)]
    quick: bool,
    /// `cargo bench` says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.quick {
        options.stall = Duration::from_secs(5);
    }
    exit_code(if options.bench { run(&options) } else { unmeasured("stall") })
}

fn run(options: &Options) -> Outcome<()> {
    let stage = Stage::set()?;
    // The store is born by now, and an ID token must be younger than its store, in whole seconds.
    std::thread::sleep(Duration::from_millis(1_100));
    stage.measure(options, Duration::from_secs(2))?;
    let calm = stage.measure(options, options.stall)?;
    stage.stalling.stall(true);
    let stalled = stage.measure(options, options.stall)?;
    let Options { rate, strangers, stall, .. } = options;
    let stall = stall.as_secs();
    println!("{stall} s each, {rate} requests/s for known keys, {strangers} for unknown ones");
    println!("{:28} {:>8} {:>8} {:>24}", "", "p50 ms", "p99 ms", "longest wait, unknown s");
    for (name, seen) in [("both issuers answer", &calm), ("one of them stalls", &stalled)] {
        let (p50, p99) = (millis(seen.percentile(50)), millis(seen.percentile(99)));
        println!("{name:28} {p50:8.2} {p99:8.2} {:24.1}", seen.longest_wait.as_secs_f64());
    }
    let ratio = |percent| stalled.percentile(percent).as_secs_f64() / calm.percentile(percent).as_secs_f64();
    let (p50, p99) = (ratio(50), ratio(99));
    println!("{:28} {p50:7.2}× {p99:7.2}×  (at most {BUDGET:.2}× by the design)", "ratio");
    println!("peak memory {:.1} MB", stage.peak_memory()?);
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Seen {
    /// Of the requests for known keys.
    fn percentile(&self, percent: usize) -> Duration {
        self.latencies[(self.latencies.len() - 1) * percent / 100]
    }
}
