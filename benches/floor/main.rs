//! What an exchange and an introspection cost, next to the bare floor of the design: an axum handler
//! that does the same verification, reads and writes the same bytes and runs the same Redis script,
//! and nothing else. Both are processes of their own, measured in turn, in one run:
//!
//! ```text
//! cargo bench --bench floor
//! ```
//!
//! It prints and asserts no time; it fails where an answer is not 200 or the two do not do the same.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints")]

mod floor;
mod load;
mod measure;
mod report;
mod same;
#[path = "../shared/mod.rs"]
mod shared;
mod stage;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use self::measure::measure;
use self::report::Comparison;
use self::shared::Outcome;
use self::shared::outcome::{exit_code, unmeasured};
use self::shared::wire::exchange_request;
use self::stage::{Stage, introspection_request};

/// trustmint next to its bare floor.
#[derive(Debug, Parser)]
struct Options {
    /// How many times each server is measured with each request; odd, for the median
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Exchanges in one round; each needs an ID token of its own
    #[arg(long, default_value_t = 4_000)]
    exchanges: usize,
    /// Introspections in one round
    #[arg(long, default_value_t = 20_000)]
    introspections: usize,
    /// Connections that are kept alive, each with one request at a time
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Serve as the floor instead, with this configuration
    #[arg(long, hide = true)]
    floor: Option<PathBuf>,
    /// `cargo bench` says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.floor {
        Some(config) => floor::serve(config),
        None if options.bench => run(&options),
        None => unmeasured("floor"),
    };
    exit_code(done)
}

fn run(options: &Options) -> Outcome<()> {
    let stage = Stage::set()?;
    let servers = [stage.product()?, stage.floor()?];
    // The stores are born by now, and an ID token must be younger than its store, in whole seconds.
    std::thread::sleep(Duration::from_millis(1_100));
    let warm_up = options.exchanges.div_ceil(4);
    let id_tokens = stage.issuer.id_tokens(1 + warm_up + options.rounds * options.exchanges)?;
    let exchanges: Vec<_> = id_tokens.iter().map(|id_token| exchange_request(id_token)).collect();
    same::check(&stage, &servers, &exchanges[0])?;

    // Unmeasured: the registry tokens of these exchanges are what is introspected.
    let (first, exchanges) = exchanges[1..].split_at(warm_up);
    let mut introspections = [Vec::new(), Vec::new()];
    for (server, introspections) in servers.iter().zip(&mut introspections) {
        let mut tokens = Vec::new();
        measure(server, options.connections, first, first.len(), |body| tokens.push(same::token_of(body)))?;
        for token in tokens {
            introspections.push(introspection_request(&token?));
        }
    }

    let exchange = |server: usize, requests: &[Vec<u8>]| {
        measure(&servers[server], options.connections, requests, requests.len(), |_| {})
    };
    let introspect = |server: usize| {
        let requests = &introspections[server];
        measure(&servers[server], options.connections, requests, options.introspections, |_| {})
    };
    let mut exchanged = Comparison::new("exchange, POST /oauth/token", 1.15);
    let mut introspected = Comparison::new("introspection, POST /oauth/introspect", 1.10);
    for (round, requests) in exchanges.chunks(options.exchanges).enumerate() {
        // Who comes first changes from round to round.
        for server in [round % 2, (round + 1) % 2] {
            exchanged.add(server, exchange(server, requests)?);
        }
        for server in [round % 2, (round + 1) % 2] {
            introspected.add(server, introspect(server)?);
        }
    }
    println!("{} rounds, {} connections, medians", options.rounds, options.connections);
    println!("\n{exchanged}\n{introspected}");
    Ok(())
}
