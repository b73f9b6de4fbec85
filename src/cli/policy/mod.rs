//! `trustmint policy …`: tools for anyone who writes policies. One file a subcommand.

pub(super) mod diff;
pub(super) mod explain;
mod input;
mod recorded;
mod render;
pub(super) mod scaffold;
pub(super) mod schema;
pub(super) mod test;

use clap::ValueEnum;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
}

/// Foreign text as a terminal may show it: control characters could rewrite what stands there.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Prints a value as JSON.
fn print_json(value: &impl serde::Serialize) -> u8 {
    match serde_json::to_string_pretty(value) {
        Ok(json) => {
            super::say!("{json}");
            super::FINE
        }
        Err(error) => {
            super::complain!("error: {error}");
            super::UNREACHABLE
        }
    }
}
