//! `trustmint completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, FINE};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The shell
    shell: Shell,
}

pub(super) fn print(options: &Options) -> u8 {
    clap_complete::generate(options.shell, &mut Cli::command(), "trustmint", &mut std::io::stdout());
    FINE
}
