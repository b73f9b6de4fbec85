//! What the operator sees afterwards.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::check::Unexpected;
use super::super::files::AUDIT;
use super::{Play, text};

/// What must have been recorded, in order: outcome, protocol and reason.
const EVENTS: [(&str, &str, &str); 9] = [
    ("minted", "oauth", ""),
    ("denied", "oauth", "replayed"),
    ("denied", "oauth", "claim_mismatch"),
    ("denied", "oauth", "not_covered"),
    ("denied", "oauth", "bad_signature"),
    ("minted", "pypi", ""),
    ("revoked", "oauth", ""),
    ("leaked", "leaks", ""),
    ("reported", "leaks", ""),
];
/// Events are written beside the answers, by a thread of their own.
const PATIENCE: Duration = Duration::from_secs(5);

impl Play<'_> {
    /// Every decision left its event, and no event holds a token.
    pub(super) async fn audit_log(&mut self) -> Result<(), Unexpected> {
        self.out.title("10. The operator reads the audit log");
        let log = self.read_log().await.map_err(|got| unexpected(&short_list(EVENTS), got))?;
        let events: Vec<Value> =
            log.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
        for event in &events {
            self.out.read(&told(event));
        }
        let found = || {
            events.iter().map(|event| (text(event, "outcome"), text(event, "dialect"), text(event, "reason")))
        };
        if !found().eq(EVENTS) {
            return Err(unexpected(&short_list(EVENTS), short_list(found())));
        }
        if let Some(leak) = self.secrets.iter().position(|token| log.contains(secret_part(token))) {
            return Err(unexpected(
                "no token in the audit log",
                format!("token {} of the run in it", leak + 1),
            ));
        }
        self.out.meaning(&format!(
            "{} decisions, {} events: who, what, which policy, why not. None of the run's {} tokens is in them.",
            EVENTS.len(),
            events.len(),
            self.secrets.len()
        ));
        Ok(())
    }

    async fn read_log(&self) -> Result<String, String> {
        let path = self.stage.file(AUDIT);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
            if log.lines().count() >= EVENTS.len() || Instant::now() > deadline {
                return Ok(log);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// When, how it ended, and the most telling of the rest.
fn told(event: &Value) -> Vec<String> {
    let policies = event.get("policies").map(|policies| format!("policy={}", text_of_list(policies)));
    let rest = match text(event, "reason") {
        "" if text(event, "outcome") == "reported" => [Some(text(event, "detail").to_owned()), None],
        "" => [Some(text(event, "scope").to_owned()), policies],
        reason => [Some(reason.to_owned()), event.get("subject").and_then(Value::as_str).map(str::to_owned)],
    };
    let time = text(event, "time").get(11..19).unwrap_or_default();
    let outcome = format!("{:<7}", text(event, "outcome"));
    let dialect = format!("{:<5}", text(event, "dialect"));
    [time.to_owned(), outcome, dialect].into_iter().chain(rest.into_iter().flatten()).collect()
}

fn text_of_list(list: &Value) -> String {
    let items = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    items.collect::<Vec<_>>().join(", ")
}

/// What makes a token a token: an ID token's claims are in the log, its signature must not be.
fn secret_part(token: &str) -> &str {
    token.rsplit('.').next().unwrap_or(token)
}

fn short_list<'e>(events: impl IntoIterator<Item = (&'e str, &'e str, &'e str)>) -> String {
    let events = events.into_iter().map(|(outcome, dialect, reason)| {
        format!("{outcome}/{dialect}{}{reason}", if reason.is_empty() { "" } else { "/" })
    });
    events.collect::<Vec<_>>().join("  ")
}

fn unexpected(expected: &str, got: String) -> Unexpected {
    Unexpected { expected: expected.to_owned(), got }
}
