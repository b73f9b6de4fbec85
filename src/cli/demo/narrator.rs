//! How the demo is told: plain lines of at most 100 columns, in colour only on a terminal.

use std::io::IsTerminal as _;

use super::super::say;
use super::check::Unexpected;

/// The widest line.
const WIDTH: usize = 100;
/// Where the text of a message begins.
const TEXT: usize = 24;
/// Where the text of what was read begins.
const READ: usize = 13;
/// Where sentences begin.
const INDENT: usize = 3;

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

/// Prints the story.
pub(super) struct Narrator {
    colour: bool,
    print: Box<dyn Fn(&str) + Send + Sync>,
}

impl Narrator {
    /// With colour if standard output is a terminal that has some, and <https://no-color.org> allows.
    pub(super) fn new() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self::plain(|line| say!("{line}"))
            .coloured(std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb)
    }

    /// Without colour, line by line to wherever the caller wants it.
    pub(super) fn plain(print: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { colour: false, print: Box::new(print) }
    }

    fn coloured(self, colour: bool) -> Self {
        Self { colour, ..self }
    }

    fn line(&self, line: &str) {
        (self.print)(line);
    }

    /// A step begins.
    pub(super) fn title(&self, title: &str) {
        self.line(&self.paint(BOLD, title));
    }

    /// Someone sends a request.
    pub(super) fn sent(&self, from: &str, to: &str, items: &[String]) {
        self.message(&format!("{from:<9} -> {to:<7}"), DIM, items);
    }

    /// The answer to it.
    pub(super) fn received(&self, status: u16, items: &[String]) {
        let code = if status < 400 { GREEN } else { YELLOW };
        let nothing = [String::from("(no body)")];
        let items = if items.is_empty() { &nothing } else { items };
        self.message(&format!("{:<9} <- {status:<7}", ""), code, items);
    }

    /// What was read rather than received.
    pub(super) fn read(&self, items: &[String]) {
        for line in wrapped(items, "  ", WIDTH - READ) {
            self.line(&format!("{:READ$}{line}", ""));
        }
    }

    /// What it means.
    pub(super) fn meaning(&self, text: &str) {
        let words = text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (index, line) in wrapped(&words, " ", WIDTH - INDENT - 3).iter().enumerate() {
            let mark = if index == 0 { "=>" } else { "" };
            self.line(&format!("{:INDENT$}{mark:<3}{line}", ""));
        }
        self.line("");
    }

    /// The end, when everything went well.
    pub(super) fn done(&self, answers: usize) {
        self.line(&self.paint(GREEN, &format!("{answers} answers, all as expected.")));
    }

    /// The end, when something did not.
    pub(super) fn unexpected(&self, unexpected: &Unexpected) {
        self.line(&self.paint(RED, "This answer was not expected; the demo ends here."));
        for (what, text) in [("expected", &unexpected.expected), ("got", &unexpected.got)] {
            let items = text.split("  ").map(str::to_owned).collect::<Vec<_>>();
            self.message(&format!("{what:<9}"), RED, &items);
        }
    }

    /// A line for copying: as it is, however long.
    pub(super) fn verbatim(&self, line: &str) {
        if line.is_empty() {
            self.line("");
        } else if line.starts_with('#') {
            self.line(&format!("{:INDENT$}{}", "", self.paint(DIM, line)));
        } else {
            self.line(&format!("{:INDENT$}{line}", ""));
        }
    }

    fn message(&self, lead: &str, code: &str, items: &[String]) {
        for (index, line) in wrapped(items, "  ", WIDTH - TEXT).iter().enumerate() {
            let lead = format!("{:INDENT$}{:<2$}", "", if index == 0 { lead } else { "" }, TEXT - INDENT);
            self.line(&format!("{}{line}", self.paint(code, &lead)));
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Items in lines. One that is wider than a line is broken between words, and a word that is, anywhere.
fn wrapped(items: &[String], separator: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for item in items {
        let whole = item.chars().count() <= width;
        let words: Vec<&str> = if whole { vec![item] } else { item.split(' ').collect() };
        for (index, word) in words.into_iter().enumerate() {
            add(&mut lines, word, if index == 0 { separator } else { " " }, width);
        }
    }
    lines
}

fn add(lines: &mut Vec<String>, word: &str, separator: &str, width: usize) {
    let letters: Vec<char> = word.chars().collect();
    for (index, piece) in letters.chunks(width).enumerate() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.extend(piece),
            Some(line) if index == 0 && line.chars().count() + separator.len() + piece.len() <= width => {
                line.push_str(separator);
                line.extend(piece);
            }
            _ => lines.push(piece.iter().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_the_requested_width() {
        let items: Vec<_> = ["ab", "cde", "f", "ghijklmn", "ö…"].map(str::to_owned).into();
        assert_eq!(wrapped(&items, "  ", 5), ["ab", "cde", "f", "ghijk", "lmn", "ö…"]);
        assert_eq!(wrapped(&items, " ", 6), ["ab cde", "f", "ghijkl", "mn ö…"]);
        assert_eq!(wrapped(&[], " ", 5), [""]);
        assert_eq!(
            wrapped(&["x".to_owned(), "one two three".to_owned()], "  ", 8),
            ["x  one", "two", "three"]
        );
    }
}
