//! What people write by mistake, and a message does not repeat.

/// A text as a message may repeat it: not if it is a URL with a user or a password in it.
pub fn without_credentials(text: &str) -> &str {
    if text.rsplit_once('@').is_some_and(|(before, _)| before.contains(':')) { "…" } else { text }
}

#[cfg(test)]
mod tests {
    use crate::toml_reader::credentials::without_credentials;

    #[test]
    fn credentials_in_urls_are_not_repeated() {
        for secret in
            ["https://u:p@example.com", "https://token@example.com/", "u:p@example.com", "redis://:p@r"]
        {
            assert_eq!(without_credentials(secret), "…");
        }
        for harmless in ["@acme/widget", "widget", "http://[::1]:80"] {
            assert_eq!(without_credentials(harmless), harmless);
        }
    }
}
