//! Findings as people and machines read them.

mod github;
mod human;
mod json;
mod paths;
mod sarif;

use std::path::Path;

use clap::ValueEnum;

use super::{complain, say};
use crate::toml_reader::Diagnostics;

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: the line, and a mark below it
    Human,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// GitHub's workflow commands, which annotate a pull request
    Github,
}

/// What was found, and what was looked at.
pub(super) struct Report<'r> {
    pub(super) findings: &'r Diagnostics,
    /// What is fine, in a line; `None` where nothing could be loaded.
    pub(super) loaded: Option<String>,
    /// The configuration, of which no line is repeated: there may be a secret on it.
    pub(super) configuration: &'r Path,
}

impl Report<'_> {
    /// Writes it: what is for people's eyes to standard error, what is for programs to standard output.
    pub(super) fn write(&self, format: Format) {
        match format {
            Format::Human => {
                let shown = human::render(self.findings, self.configuration, human::wants_colour());
                if !shown.is_empty() {
                    complain!("{shown}");
                }
                match self.summary() {
                    Some(summary) if self.loaded.is_some() => say!("{summary}"),
                    Some(summary) => complain!("{summary}"),
                    None => {}
                }
            }
            Format::Json => say!("{}", json::render(self.findings)),
            Format::Sarif => say!("{}", sarif::render(self.findings)),
            Format::Github => {
                for line in github::render(self.findings) {
                    say!("{line}");
                }
            }
        }
    }

    fn summary(&self) -> Option<String> {
        let counts = [
            (self.findings.errors(), "error"),
            (self.findings.warnings(), "warning"),
            (self.findings.accepted(), "accepted finding"),
        ];
        let told =
            counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(count, what));
        let parts: Vec<_> = self.loaded.iter().cloned().chain(told).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// A number and what it is of, which has a regular plural.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
