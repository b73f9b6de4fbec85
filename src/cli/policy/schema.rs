//! `trustmint policy schema`.

use std::path::PathBuf;

use clap::Args;

use super::print_json;
use crate::cli::{INVALID, complain};
use crate::policy::tools::schema::schema;
use crate::settings::Config;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// A configuration whose issuers, claims and registries the schema should know
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(in crate::cli) fn run(options: &Options) -> u8 {
    let config = options.config.as_deref().map(Config::load).transpose();
    match config {
        Ok(config) => print_json(&schema(config.map(|config| config.vocabulary()).as_ref())),
        Err(diagnostics) => {
            complain!("{diagnostics}");
            INVALID
        }
    }
}
