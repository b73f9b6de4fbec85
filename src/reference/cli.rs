//! `cli.md`: what `--help` says, of every command.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::check;
use crate::cli::Cli;

#[test]
fn cli() {
    let mut command = Cli::command().disable_help_subcommand(true).term_width(96);
    command.build();
    let mut text = "# Command line\n\n<!-- Written by the code: what `--help` says. -->\n\n\
        Manual pages: `trustmint man --out DIR`. Completions: `trustmint completions bash`.\n"
        .to_owned();
    page(&mut text, &command);
    check("cli.md", &text);
}

/// The command and those below it. Groups say nothing that their commands do not.
fn page(text: &mut String, command: &Command) {
    let name = command.get_display_name().unwrap_or("trustmint").replace('-', " ");
    let help =
        command.clone().mut_args(|argument| argument.hide_env_values(true)).render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    let _ = write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n").trim());
    for below in command.get_subcommands() {
        page(text, below);
    }
}
