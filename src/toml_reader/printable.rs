//! Text of documents, as terminals and logs may show it.

/// Whether a character steers a terminal: control characters, and those that turn the direction of
/// writing.
pub fn is_control_or_bidi(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with whatever would steer a terminal escaped.
pub(super) fn printable(text: &str) -> String {
    let escape = |letter: char| {
        if is_control_or_bidi(letter) { letter.escape_default().to_string() } else { letter.to_string() }
    };
    text.chars().map(escape).collect()
}
