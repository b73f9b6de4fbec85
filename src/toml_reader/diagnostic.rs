//! Findings in a document, and how they are shown.

use std::fmt;

use crate::toml_reader::printable::printable;
use crate::toml_reader::{Code, Position};

/// How many findings of one severity are kept; of the rest only the number is.
const MOST_KEPT: usize = 10_000;

/// Whether a finding stops the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is loaded.
    Error,
    /// Worth a look.
    Warning,
}

impl Severity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where; `None` for a finding about the whole.
    pub position: Option<Position>,
    /// What kind of finding.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Why someone accepted it; only warnings can be.
    pub accepted: Option<String>,
}

impl Diagnostic {
    /// A finding; whatever in its text would steer a terminal is escaped.
    pub(super) fn new(
        code: Code,
        position: Option<Position>,
        message: &str,
        help: Option<String>,
        accepted: Option<String>,
    ) -> Self {
        let printed = |text: Option<String>| text.as_deref().map(printable);
        let (help, accepted) = (printed(help), printed(accepted));
        Self { position, code, message: printable(message), help, accepted }
    }

    /// How bad.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: ", self.severity().as_str(), self.code)?;
        match &self.position {
            Some(position) => write!(f, "{position}: {}", self.message)?,
            None => f.write_str(&self.message)?,
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// All findings of a load, in the order of the documents.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    accepted: usize,
}

impl Diagnostics {
    /// Notes an error at a place, of the general kind.
    pub fn error(
        &mut self,
        position: impl Into<Option<Position>>,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        self.report(Code::Malformed, position, message, help);
    }

    /// Notes a finding at a place.
    pub fn report(
        &mut self,
        code: Code,
        position: impl Into<Option<Position>>,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        self.push(Diagnostic::new(code, position.into(), &message.into(), help.into(), None));
    }

    pub(super) fn push(&mut self, item: Diagnostic) {
        let count = self.count_of(&item);
        *count += 1;
        if *count <= MOST_KEPT {
            self.items.push(item);
        }
    }

    fn count_of(&mut self, item: &Diagnostic) -> &mut usize {
        match (item.severity(), &item.accepted) {
            (Severity::Error, _) => &mut self.errors,
            (Severity::Warning, None) => &mut self.warnings,
            (Severity::Warning, Some(_)) => &mut self.accepted,
        }
    }

    /// Whether anything stops the load.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many findings stop the load.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many findings are worth a look, and were not accepted.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// How many findings were accepted, each with its reason.
    pub fn accepted(&self) -> usize {
        self.accepted
    }

    /// How many findings there are that no one accepted.
    pub fn len(&self) -> usize {
        self.errors + self.warnings
    }

    /// Whether there is none of those.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The findings that were kept.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// How many findings were not kept.
    pub fn left_out(&self) -> usize {
        self.errors + self.warnings + self.accepted - self.items.len()
    }

    /// The first findings as text, and how many there are in all.
    pub fn first(&self, most: usize) -> String {
        let shown = self.unaccepted().take(most).map(|item| format!("{item}\n")).collect::<String>();
        let more = if self.len() > most { "…\n" } else { "" };
        format!("{shown}{more}{}", counted(self.len()))
    }

    /// Takes over another load's findings.
    pub fn extend(&mut self, other: Self) {
        self.errors += other.errors;
        self.warnings += other.warnings;
        self.accepted += other.accepted;
        self.items.extend(other.items);
    }

    /// Orders the findings by file and line, each once.
    pub fn sort(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        items.sort();
        for item in items {
            if self.items.last() == Some(&item) {
                *self.count_of(&item) -= 1;
            } else {
                self.items.push(item);
            }
        }
    }

    /// The findings that were kept and that no one accepted.
    pub fn unaccepted(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter().filter(|item| item.accepted.is_none())
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in self.unaccepted() {
            writeln!(f, "{item}")?;
        }
        f.write_str(&counted(self.len()))
    }
}

fn counted(findings: usize) -> String {
    match findings {
        0 => String::new(),
        1 => "1 finding".to_owned(),
        n => format!("{n} findings"),
    }
}

#[cfg(test)]
mod tests {
    use crate::toml_reader::diagnostic::*;

    #[test]
    fn findings_beyond_the_bound_are_only_counted() {
        let mut found = Diagnostics::default();
        for number in 0..MOST_KEPT + 5 {
            found.report(Code::AnyRun, None, format!("number {number}"), None);
        }
        found.error(None, "an error is kept all the same", None);
        assert_eq!((found.warnings(), found.errors(), found.iter().count()), (10_005, 1, 10_001));
        assert_eq!(found.left_out(), 5);
    }

    #[test]
    fn finding_counts_once() {
        let mut found = Diagnostics::default();
        for message in ["b", "a", "b"] {
            found.error(None, message, None);
        }
        found.sort();
        assert_eq!(
            (found.errors(), found.to_string().as_str()),
            (2, "error[E017]: a\nerror[E017]: b\n2 findings")
        );
    }

    #[test]
    fn message_has_no_control_characters() {
        let mut found = Diagnostics::default();
        found.error(None, "no issuer \"\u{1b}[2Jx\u{202e}\"", None);
        assert!(!found.to_string().contains(['\u{1b}', '\u{202e}']), "{found}");
    }
}
