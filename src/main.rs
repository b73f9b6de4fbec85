//! The `trustmint` command; see [`trustmint::cli`].

use std::process::ExitCode;

use clap::Parser as _;
use trustmint::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
