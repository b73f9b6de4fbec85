//! Findings in a document, and how they are shown.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A document's name and text.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// Where each line begins, so that a position is found without reading the text again.
    lines: Arc<[usize]>,
}

impl Source {
    /// A document under the name that messages call it by.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let (name, text) = (name.into(), text.into());
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after_breaks).collect();
        Self { name, text, lines }
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name that messages call it by.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Where a span of bytes begins.
    pub fn position(&self, span: &Range<usize>) -> Position {
        let start = span.start.min(self.text.len());
        let line = self.lines.partition_point(|begin| *begin <= start);
        let begin = self.lines[line - 1];
        let column = self.text.get(begin..start).map_or(0, |before| before.chars().count()) + 1;
        Position { file: Arc::clone(&self.name), line, column }
    }
}

/// A place in a document; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The document.
    pub file: Arc<str>,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Whether a finding stops the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is loaded.
    Error,
    /// Worth a look.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where; `None` for a finding about the whole.
    pub position: Option<Position>,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        match &self.position {
            Some(position) => write!(f, "{severity}: {position}: {}", self.message)?,
            None => write!(f, "{severity}: {}", self.message)?,
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
}

impl Diagnostics {
    /// Notes an error at a place.
    pub fn error(
        &mut self,
        position: impl Into<Option<Position>>,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        self.items.push(Diagnostic {
            position: position.into(),
            severity: Severity::Error,
            message: message.into(),
            help: help.into(),
        });
    }

    /// Whether anything stops the load.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Severity::Error)
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no finding.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The findings.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// The first findings as text, and how many there are in all.
    pub fn first(&self, most: usize) -> String {
        let shown = self.items.iter().take(most).map(|item| format!("{item}\n")).collect::<String>();
        let more = if self.items.len() > most { "…\n" } else { "" };
        format!("{shown}{more}{}", counted(self.items.len()))
    }

    /// Takes over another load's findings.
    pub fn extend(&mut self, other: Self) {
        self.items.extend(other.items);
    }

    /// Orders the findings by file and line.
    pub fn sort(&mut self) {
        self.items.sort();
        self.items.dedup();
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            writeln!(f, "{item}")?;
        }
        f.write_str(&counted(self.items.len()))
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
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = Source::new("x", "a = 1\nä = 2\n\nb");
        let at = |offset: usize| {
            let position = source.position(&(offset..offset));
            (position.line, position.column)
        };
        assert_eq!((at(0), at(4), at(5)), ((1, 1), (1, 5), (1, 6)));
        assert_eq!((at(6), at(8), at(12)), ((2, 1), (2, 2), (2, 6)));
        assert_eq!((at(13), at(14), at(99)), ((3, 1), (4, 1), (4, 2)));
    }
}
