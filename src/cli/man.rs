//! `trustmint man`.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;

use super::{Cli, FINE, INVALID, complain};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Write the pages of all commands into this folder; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn print(options: &Options) -> u8 {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let written = match &options.out {
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| write(&command, folder)),
        None => match page(&command).render(&mut io::stdout()) {
            // A reader that went away is not an error.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        },
    };
    match written {
        Ok(()) => FINE,
        Err(error) => {
            complain!("error: the pages cannot be written: {error}");
            INVALID
        }
    }
}

/// A page for the command, and one for each below it.
fn write(command: &Command, folder: &Path) -> io::Result<()> {
    page(command).generate_to(folder)?;
    command.get_subcommands().try_for_each(|below| write(below, folder))
}

fn page(command: &Command) -> Man {
    // The quotes are an empty argument: without a date, the source would be taken for one.
    let date = "\"\"";
    Man::new(command.clone())
        .date(date)
        .source(concat!("trustmint ", env!("CARGO_PKG_VERSION")))
        .manual("trustmint")
}
