//! Findings for people: the line that each is on, with a mark below the place.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;

use super::paths::relative;
use crate::toml_reader::{Diagnostic, Diagnostics, Position, Severity, is_control_or_bidi};

/// How much of a line is shown, in characters.
const LONGEST_LINE: usize = 160;

const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const PLAIN: &str = "\u{1b}[0m";

/// Whether standard error is someone who sees colours, and wants them (no-color.org).
pub(super) fn wants_colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// All findings that no one accepted; a blank line between them. No line of `unquoted` is shown.
pub(super) fn render(findings: &Diagnostics, unquoted: &Path, colour: bool) -> String {
    let mut lines = Lines { unquoted, file: String::new(), text: String::new() };
    let mut shown = String::new();
    for item in findings.unaccepted() {
        write(&mut shown, item, colour, &mut lines);
        shown.push('\n');
    }
    if findings.left_out() > 0 {
        let _ = writeln!(shown, "{} more findings are not shown\n", findings.left_out());
    }
    shown.pop();
    shown
}

fn write(shown: &mut String, item: &Diagnostic, colour: bool, lines: &mut Lines<'_>) {
    let hue = match item.severity() {
        Severity::Error => RED,
        Severity::Warning => YELLOW,
    };
    let painted = |hue: &str, text: &str| {
        if colour { format!("{hue}{text}{PLAIN}") } else { text.to_owned() }
    };
    let label = painted(hue, &format!("{}[{}]", item.severity().as_str(), item.code));
    let _ = writeln!(shown, "{label}: {}", painted(BOLD, &item.message));
    let mut margin = String::new();
    if let Some(position) = &item.position {
        margin = " ".repeat(position.line.to_string().len());
        let (line, column) = (position.line, position.column);
        let _ = writeln!(shown, "{margin}--> {}:{line}:{column}", relative(&position.file));
        if let Some(text) = lines.line(position) {
            let (excerpt, mark) = excerpt(text, position);
            let _ = writeln!(shown, "{margin} |\n{line} | {excerpt}\n{margin} | {}", painted(hue, &mark));
        }
    }
    if let Some(help) = &item.help {
        let _ = writeln!(shown, "{margin} = help: {help}");
    }
}

/// The part of the line around the place, and the mark that belongs below it.
fn excerpt(line: &str, position: &Position) -> (String, String) {
    let start = position.column - 1;
    let from = start.saturating_sub(LONGEST_LINE / 2);
    let printable = |letter: char| if is_control_or_bidi(letter) { ' ' } else { letter };
    let text: String = line.chars().skip(from).take(LONGEST_LINE).map(printable).collect();
    let room = LONGEST_LINE.min(text.chars().count() + 1).saturating_sub(start - from).max(1);
    (text, " ".repeat(start - from) + &"^".repeat(position.width.min(room)))
}

/// The lines of the file that is being shown. Findings are ordered by file, so one is enough.
struct Lines<'u> {
    unquoted: &'u Path,
    file: String,
    text: String,
}

impl Lines<'_> {
    /// Nothing if the file is gone or another one by now.
    fn line(&mut self, position: &Position) -> Option<&str> {
        if self.file != *position.file {
            self.file = position.file.to_string();
            let is_quoted = Path::new(&self.file) != self.unquoted;
            self.text =
                is_quoted.then(|| std::fs::read_to_string(&self.file).ok()).flatten().unwrap_or_default();
        }
        self.text.lines().nth(position.line - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toml_reader::Source;

    #[test]
    fn marker_is_below_the_position() {
        let line = "ref = \"ä\"\tx";
        let source = Source::new("x", line);
        let position = source.position(&(6..10));
        assert_eq!(excerpt(line, &position), ("ref = \"ä\" x".to_owned(), "      ^^^".to_owned()));
        let long = format!("{}y", " ".repeat(500));
        let (text, mark) = excerpt(&long, &Source::new("x", long.as_str()).position(&(500..501)));
        assert_eq!((text.find('y'), mark.find('^')), (Some(80), Some(80)));
    }

    #[test]
    fn colours_are_printed_only_on_request() {
        let mut found = Diagnostics::default();
        found.error(None, "x", None);
        assert_eq!(render(&found, Path::new(""), false), "error[E017]: x\n");
        assert!(render(&found, Path::new(""), true).contains("\u{1b}[1;31merror[E017]\u{1b}[0m"));
    }
}
