//! `docs/reference`, written from the code. A page that differs from it fails; this writes them again:
//!
//! ```sh
//! TRUSTMINT_BLESS=1 cargo test --package trustmint reference
//! ```

mod cli;
mod configuration;
mod errors;
mod metrics;
mod policy;

use std::path::Path;

/// Compares a page with what the code says, or writes it.
fn check(page: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference").join(page);
    let text = format!("{}\n", text.trim_end());
    if std::env::var_os("TRUSTMINT_BLESS").is_some() {
        std::fs::write(&path, text).expect("a page");
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let line = written.lines().zip(text.lines()).take_while(|(old, new)| old == new).count() + 1;
    assert!(
        written == text,
        "docs/reference/{page} is not what the code says, from line {line} on; \
         TRUSTMINT_BLESS=1 cargo test --package trustmint reference"
    );
}

/// A cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
