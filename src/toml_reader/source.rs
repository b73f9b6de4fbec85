//! A document's text, and places in it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::toml_reader::printable::printable;

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
    pub fn new(name: impl AsRef<str>, text: impl Into<Arc<str>>) -> Self {
        let (name, text) = (printable(name.as_ref()).into(), text.into());
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

    /// Where a span of bytes begins, and how much of that line it covers.
    pub fn position(&self, span: &Range<usize>) -> Position {
        let start = span.start.min(self.text.len());
        let line = self.lines.partition_point(|begin| *begin <= start);
        let begin = self.lines[line - 1];
        let characters = |range: Range<usize>| self.text.get(range).map_or(0, |text| text.chars().count());
        let line_end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        Position {
            file: Arc::clone(&self.name),
            line,
            column: characters(begin..start) + 1,
            width: characters(start..span.end.min(line_end).max(start)).max(1),
        }
    }
}

/// A place in a document; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The document.
    pub file: Arc<str>,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
    /// How many characters of the line it is about; at least one.
    pub width: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use crate::toml_reader::source::*;

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

    #[test]
    fn position_covers_at_most_one_line() {
        let source = Source::new("x", "a = 1\nä = 2\n\nb");
        let width = |span: Range<usize>| source.position(&span).width;
        assert_eq!((width(0..1), width(0..5), width(0..9), width(6..12)), (1, 5, 5, 5));
        assert_eq!((width(6..8), width(13..14), width(99..99), width(3..3)), (1, 1, 1, 1));
    }
}
