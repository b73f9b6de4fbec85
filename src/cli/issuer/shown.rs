//! Text of strangers, made fit for a terminal.

use std::fmt;

use serde::Serialize;

/// The longest text that is shown, in characters.
const LONGEST_TEXT: usize = 400;
/// The longest name that is shown, such as a `kid`.
const LONGEST_NAME: usize = 64;

/// Text without control, format and other invisible characters, of a bounded length. Whatever an
/// issuer says is shown as this, in JSON too, which is read at terminals as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Shown(String);

impl Shown {
    /// A sentence, a URL or the like.
    pub(super) fn new(text: &str) -> Self {
        Self::truncate(text, LONGEST_TEXT)
    }

    /// A name.
    pub(super) fn name(name: &str) -> Self {
        Self::truncate(name, LONGEST_NAME)
    }

    fn truncate(text: &str, longest: usize) -> Self {
        let (mut shown, mut length) = (String::new(), 0);
        for letter in text.chars() {
            let before = shown.len();
            match letter {
                '"' | '\'' | '\\' => shown.push(letter),
                _ => shown.extend(letter.escape_debug()),
            }
            length += shown[before..].chars().count();
            if length > longest {
                shown.truncate(before);
                shown.push('…');
                break;
            }
        }
        Self(shown)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_TEXT, Shown};

    #[test]
    fn control_characters_are_not_shown() {
        let shown = |text: &str| Shown::new(text).to_string();
        assert_eq!(shown("clé \"1\""), "clé \"1\"");
        for bad in ["\u{1b}[2J", "\r\n", "\u{9b}31m", "\u{202e}", "\u{200b}", "\0", "\u{7f}", "\u{7}"] {
            let shown = shown(bad);
            assert!(shown.starts_with('\\'), "{shown}");
            assert!(shown.chars().all(|letter| letter.is_ascii_graphic()), "{shown}");
        }
        for long in ["a", "\u{1b}", "é"].map(|letter| letter.repeat(100_000)) {
            assert!(shown(&long).chars().count() <= LONGEST_TEXT + 1);
            assert!(Shown::name(&long).to_string().ends_with('…'));
        }
    }
}
