//! Foreign text, as far as answers and logs repeat it.

/// The longest foreign text that an answer or a log line repeats, in bytes.
const LONGEST: usize = 200;

/// Cuts foreign text at a character boundary, to a length that fits a log line.
pub(crate) fn truncate(text: impl Into<String>) -> String {
    clipped_to(text, LONGEST)
}

/// The same, to another length in bytes.
pub(crate) fn clipped_to(text: impl Into<String>, longest: usize) -> String {
    let mut text = text.into();
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::text::truncate;

    #[test]
    fn truncates_at_a_character_boundary() {
        assert_eq!(truncate("ä".repeat(300)).chars().count(), 101);
        assert_eq!(truncate(format!("a{}", "ä".repeat(300))).len(), 199 + '…'.len_utf8());
        assert_eq!(truncate("short"), "short");
    }
}
