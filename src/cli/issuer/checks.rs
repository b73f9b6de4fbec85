//! What an operator should know about an issuer that answers: one function for each idea.

use std::time::Duration;

use jsonwebtoken::Algorithm;
use url::Url;

use super::examination::Examination;
use super::finding::{Finding, Severity};
use super::shown::Shown;
use crate::identity::KeyListing;

/// Longer than any job needs from its start to its publishing step.
const LONG_MAX_AGE: u64 = 3600;
/// Issuers rotate their keys more often than this.
const OLD_KEYS: Duration = Duration::from_secs(90 * 86_400);

/// One idea.
struct Check {
    code: &'static str,
    severity: Severity,
    look: fn(&Examination) -> Option<Remark>,
}

/// What is so, and what to do.
struct Remark {
    message: String,
    help: Option<String>,
}

const fn check(code: &'static str, severity: Severity, look: fn(&Examination) -> Option<Remark>) -> Check {
    Check { code, severity, look }
}

const CHECKS: [Check; 13] = [
    check("no-usable-key", Severity::Error, no_usable_key),
    check("no-key-fits", Severity::Error, no_key_fits),
    check("keys-skipped", Severity::Warning, keys_skipped),
    check("algorithm-not-accepted", Severity::Warning, algorithm_not_accepted),
    check("keys-on-another-host", Severity::Warning, keys_on_another_host),
    check("unusual-content-type", Severity::Warning, unusual_content_type),
    check("keys-file-old", Severity::Warning, keys_file_old),
    check("long-max-age", Severity::Warning, long_max_age),
    check("shared-audience", Severity::Warning, shared_audience),
    check("events-allowed", Severity::Warning, events_allowed),
    check("duplicate-kid", Severity::Note, duplicate_kid),
    check("no-jti", Severity::Note, no_jti),
    check("pins-not-advertised", Severity::Note, pins_not_advertised),
];

/// Everything that applies, what the kind knows about the URL included.
pub(super) fn findings(examination: &Examination) -> Vec<Finding> {
    let settings = examination.settings();
    let own = CHECKS.iter().filter_map(|check| {
        let remark = (check.look)(examination)?;
        Some(finding(check.code, check.severity, &remark.message, remark.help.as_deref()))
    });
    let notes = (settings.kind.guidance.notes)(&settings.url).iter().map(|caution| {
        let severity = if caution.is_urgent { Severity::Warning } else { Severity::Note };
        finding(caution.code, severity, caution.text, None)
    });
    own.chain(notes).collect()
}

fn finding(code: &'static str, severity: Severity, message: &str, help: Option<&str>) -> Finding {
    Finding { code, severity, message: Shown::new(message), help: help.map(Shown::new) }
}

fn remark(message: impl Into<String>, help: impl Into<Option<String>>) -> Option<Remark> {
    Some(Remark { message: message.into(), help: help.into() })
}

fn no_usable_key(examination: &Examination) -> Option<Remark> {
    let keys = examination.keys.as_ref()?;
    let message = format!("none of its {} keys is usable, so none of its tokens is accepted", keys.found);
    keys.algorithms().is_empty().then_some(())?;
    remark(message, None)
}

fn no_key_fits(examination: &Examination) -> Option<Remark> {
    let (keys, accepted) = (examination.keys.as_ref()?.algorithms(), &examination.settings().algorithms);
    if keys.is_empty() || keys.iter().any(|algorithm| accepted.contains(algorithm)) {
        return None;
    }
    remark(
        format!("its keys sign {}, and only {} is accepted", names(&keys), names(accepted)),
        format!("write algorithms = [{}]", quoted_names(&keys)),
    )
}

fn keys_skipped(examination: &Examination) -> Option<Remark> {
    let keys = examination.keys.as_ref()?;
    let usable = keys.keys.iter().filter(|key| key.algorithms.is_ok()).count();
    if usable == 0 || usable == keys.found {
        return None;
    }
    let skipped = keys.found - usable;
    remark(
        format!("{skipped} of its {} keys cannot be used; tokens that they sign are refused", keys.found),
        "tell anyone who runs the issuer, if jobs sign with them".to_owned(),
    )
}

fn algorithm_not_accepted(examination: &Examination) -> Option<Remark> {
    let settings = examination.settings();
    let advertised = &examination.discovery.as_ref()?.id_token_signing_alg_values_supported;
    let known = advertised.iter().filter_map(|name| name.parse::<Algorithm>().ok());
    let keys = examination.keys.as_ref().map(KeyListing::algorithms).unwrap_or_default();
    let unaccepted: Vec<_> =
        known.filter(|name| keys.contains(name) && !settings.algorithms.contains(name)).collect();
    if unaccepted.is_empty() || no_key_fits(examination).is_some() {
        return None;
    }
    remark(
        format!("it has keys for {}, says that it signs with it, and it is not accepted", names(&unaccepted)),
        format!("add it to `algorithms` of [issuers.{}], if its tokens are signed so", settings.id),
    )
}

fn keys_on_another_host(examination: &Examination) -> Option<Remark> {
    let remote = examination.subject.issuer.keyring.remote()?;
    let configured = Url::parse(remote.jwks_uri.as_deref()?).ok()?;
    let issuer = Url::parse(&remote.issuer_url).ok()?;
    (configured.origin() != issuer.origin() && configured.host_str() != remote.keys_host).then_some(())?;
    remark(
        format!(
            "`jwks_uri` is on another host than the issuer: anyone who runs {configured} can sign for it"
        ),
        "leave it out, if the issuer's discovery document says the same".to_owned(),
    )
}

fn unusual_content_type(examination: &Examination) -> Option<Remark> {
    let usual = ["application/json", "application/jwk-set+json"];
    let (name, answer) =
        examination.answers.iter().find(|(_, answer)| !usual.contains(&answer.content_type.as_str()))?;
    remark(format!("its {name} is served as {:?}, which others may refuse", answer.content_type), None)
}

fn keys_file_old(examination: &Examination) -> Option<Remark> {
    let age = examination.file_age.filter(|age| *age > OLD_KEYS)?;
    remark(
        format!("its `keys_file` was changed {} days ago; issuers rotate their keys", age.as_secs() / 86_400),
        "copy the issuer's key set again".to_owned(),
    )
}

fn long_max_age(examination: &Examination) -> Option<Remark> {
    let max_age = examination.settings().max_age;
    (max_age > LONG_MAX_AGE).then_some(())?;
    remark(
        format!(
            "a stolen ID token of it is good for {}",
            humantime::format_duration(Duration::from_secs(max_age))
        ),
        "lower `max_age` to what jobs need from their start to their publishing step".to_owned(),
    )
}

fn shared_audience(examination: &Examination) -> Option<Remark> {
    let settings = examination.settings();
    settings.accept_shared_audience.then_some(())?;
    let audience = settings.kind.audiences.shared?;
    remark(
        format!("`accept_shared_audience`: tokens for {audience:?}, which every customer's services get, are accepted"),
        "any service that a job sends such a token to can publish with it; use another kind of job identity if there is one".to_owned(),
    )
}

fn events_allowed(examination: &Examination) -> Option<Remark> {
    let events = &examination.settings().allow_events;
    (!events.is_empty()).then_some(())?;
    remark(
        format!(
            "`allow_events` lets policies name {}, in whose runs strangers can have a say",
            events.join(", ")
        ),
        "leave it out, unless the workflows in question never run a stranger's code".to_owned(),
    )
}

fn duplicate_kid(examination: &Examination) -> Option<Remark> {
    let mut kids: Vec<_> =
        examination.keys.as_ref()?.keys.iter().filter_map(|key| key.kid.as_deref()).collect();
    kids.sort_unstable();
    let kid = kids.windows(2).find(|pair| pair[0] == pair[1])?[0];
    remark(format!("several of its keys are called {kid:?}; each of them is tried"), None)
}

fn no_jti(examination: &Examination) -> Option<Remark> {
    lacks(examination, "jti").then_some(())?;
    remark(
        "it does not say that its tokens have `jti`; where they have none, what tells a replay is the hash of what was signed",
        None,
    )
}

fn pins_not_advertised(examination: &Examination) -> Option<Remark> {
    let pins = &examination.settings().pins;
    // A pointer leads into a claim that has its own name, and documents list names only.
    let missing: Vec<_> = pins
        .iter()
        .filter(|pin| !pin.starts_with('/') && lacks(examination, pin))
        .map(|pin| format!("`{pin}`"))
        .collect();
    (!missing.is_empty()).then_some(())?;
    remark(
        format!("its discovery document does not list {}, which every policy pins", missing.join(", ")),
        "look at a real token: many platforms list their claims incompletely".to_owned(),
    )
}

/// Whether the issuer lists its claims, and not this one.
fn lacks(examination: &Examination, claim: &str) -> bool {
    let listed = examination.discovery.as_ref().map_or(&[][..], |discovery| &discovery.claims_supported);
    !listed.is_empty() && !listed.iter().any(|name| name == claim)
}

fn names(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect::<Vec<_>>().join(", ")
}

fn quoted_names(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|algorithm| format!("\"{algorithm:?}\"")).collect::<Vec<_>>().join(", ")
}
