//! What is told about an issuer: in this form as JSON, and for people by [`super::human`].

use std::collections::BTreeMap;

use serde::Serialize;

use super::checks;
use super::examination::Examination;
use super::finding::{Finding, Severity};
use super::shown::Shown;
use super::trouble::Trouble;
use crate::clock::rfc3339_seconds;
use crate::identity::{ListedKey, refresh_after};

/// How many names of a list of the issuer's are repeated.
const MAX_NAMES: usize = 20;
/// The last second of the year 9999.
const LAST_DATE: u64 = 253_402_300_799;

/// How an examination ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// ID tokens of it can be accepted.
    Fine,
    /// It cannot work until something is changed.
    Finding,
    /// It was not reached; nothing more is known.
    Unreachable,
}

/// One key of the issuer.
#[derive(Debug, Serialize)]
pub(super) struct ReportedKey {
    pub(super) kid: Option<Shown>,
    pub(super) form: Shown,
    /// What it verifies; empty if it is skipped.
    pub(super) algorithms: Vec<String>,
    pub(super) skipped: Option<&'static str>,
    /// How many certificates came with it, which no one looks at.
    pub(super) certificates: usize,
    /// `iat`, `nbf` and `exp` of it, as RFC 3339, where given.
    pub(super) dates: BTreeMap<&'static str, String>,
}

/// Everything that is told about one issuer. These names are part of the interface.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) kind: &'static str,
    pub(super) outcome: Outcome,
    /// `ok`, `failed`, or `unused` where the operator says where the keys are.
    pub(super) discovery: &'static str,
    /// A URL or a file.
    pub(super) keys_at: Option<Shown>,
    pub(super) keys: Vec<ReportedKey>,
    pub(super) algorithms_advertised: Vec<Shown>,
    pub(super) algorithms_accepted: Vec<String>,
    /// `Cache-Control: max-age` of the key set, in seconds.
    pub(super) cache_max_age: Option<u64>,
    /// After how many seconds the service fetches the keys again; nothing for keys from a file.
    pub(super) refresh_after: Option<u64>,
    /// `Last-Modified` of the key set, as it was sent.
    pub(super) unchanged_since: Option<Shown>,
    /// `Age` of the key set in a cache on the way, in seconds.
    pub(super) cached_for: Option<u64>,
    /// How many claims the discovery document lists.
    pub(super) claims_advertised: usize,
    pub(super) pins: Vec<String>,
    /// What to write into the configuration for an issuer that is not there yet.
    pub(super) lines: Option<String>,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    pub(super) fn of(examination: &Examination) -> Self {
        let settings = examination.settings();
        let mut findings = checks::findings(examination);
        if let Some(trouble) = &examination.trouble {
            findings.insert(0, trouble.finding(&settings.url));
        }
        let answer = examination.keys_answer();
        let advertised = examination
            .discovery
            .as_ref()
            .map_or(&[][..], |document| &document.id_token_signing_alg_values_supported);
        Self {
            id: settings.id.to_string(),
            url: settings.url.clone(),
            kind: settings.kind.name,
            outcome: outcome(examination, &findings),
            discovery: discovery(examination),
            keys_at: examination.keys_at.as_deref().map(Shown::new),
            keys: examination.keys.iter().flat_map(|listing| &listing.keys).map(reported).collect(),
            algorithms_advertised: advertised.iter().take(MAX_NAMES).map(|name| Shown::name(name)).collect(),
            algorithms_accepted: settings.algorithms.iter().map(|name| format!("{name:?}")).collect(),
            cache_max_age: answer.and_then(|answer| answer.max_age).map(|age| age.as_secs()),
            refresh_after: answer.map(|answer| refresh_after(answer.max_age).as_secs()),
            unchanged_since: answer.and_then(|answer| answer.last_modified.as_deref()).map(Shown::new),
            cached_for: answer.and_then(|answer| answer.age).map(|age| age.as_secs()),
            claims_advertised: examination.discovery.as_ref().map_or(0, |found| found.claims_supported.len()),
            pins: settings.pins.clone(),
            lines: examination.subject.lines.clone(),
            findings,
        }
    }
}

fn outcome(examination: &Examination, findings: &[Finding]) -> Outcome {
    if examination.trouble.as_ref().is_some_and(Trouble::is_passing) {
        Outcome::Unreachable
    } else if findings.iter().any(|finding| finding.severity == Severity::Error) {
        Outcome::Finding
    } else {
        Outcome::Fine
    }
}

fn discovery(examination: &Examination) -> &'static str {
    match examination.subject.issuer.keyring.remote() {
        Some(remote) if remote.jwks_uri.is_none() => {
            if examination.keys_at.is_some() {
                "ok"
            } else {
                "failed"
            }
        }
        _ => "unused",
    }
}

fn reported(key: &ListedKey) -> ReportedKey {
    ReportedKey {
        kid: key.kid.as_deref().map(Shown::name),
        form: Shown::name(&key.form),
        algorithms: key.algorithms.iter().flatten().map(|algorithm| format!("{algorithm:?}")).collect(),
        skipped: key.algorithms.as_ref().err().copied(),
        certificates: key.certificates,
        dates: key.dates.iter().filter_map(|(name, seconds)| Some((*name, date(*seconds)?))).collect(),
    }
}

fn date(seconds: u64) -> Option<String> {
    (seconds <= LAST_DATE).then(|| rfc3339_seconds(seconds).to_string())
}
