//! `trustmint demo`.

use clap::Args;

#[derive(Debug, Args)]
pub struct Options {
    /// End after the last step; exit code 1 at the first unexpected answer
    #[arg(long)]
    once: bool,
}

pub(super) fn run(_: &Options) -> u8 {
    super::FINE
}
