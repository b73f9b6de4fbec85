//! Logs, on standard error: text for people, JSON for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging. `TRUSTMINT_LOG` filters (`info`, `trustmint=debug` …), else `default` does;
/// `TRUSTMINT_LOG_FORMAT` is `text` or `json`, by default `text` on a terminal and `json` elsewhere.
pub(super) fn start(default: &str) {
    let filter = EnvFilter::try_from_env("TRUSTMINT_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let format = std::env::var("TRUSTMINT_LOG_FORMAT").unwrap_or_default();
    let json = match format.as_str() {
        "json" => true,
        "text" => false,
        _ => !std::io::stderr().is_terminal(),
    };
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second start, in tests, keeps the first.
    let _ = if json { logs.json().flatten_event(true).try_init() } else { logs.try_init() };
}
