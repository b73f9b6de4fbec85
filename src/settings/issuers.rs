//! `[issuers.*]`.

use std::collections::HashMap;

use jsonwebtoken::Algorithm;
use std::sync::Arc;
use url::Url;

use crate::identity::{
    Issuer, IssuerSettings, Issuers, KeySource, Keyring, Kind, MAX_LEEWAY, MAX_MAX_AGE, Remote,
};
use crate::settings::{Files, fetcher, https_url};
use crate::toml_reader::{Code, Located, Section, Warnings, without_credentials};

/// What can be listed in `algorithms`.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What an issuer may sign with unless its section says otherwise.
const DEFAULT_ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

pub(super) fn read(root: &Section<'_>, files: &Files<'_>, public_url: Option<&str>) -> Issuers {
    let sections = root.sections("issuers");
    if sections.is_empty() {
        root.error(
            root.span(),
            "no issuer is configured",
            "write [issuers.github] with kind = \"github\"".to_owned(),
        );
    }
    let mut urls: HashMap<String, String> = HashMap::new();
    let mut issuers = Vec::new();
    for (name, section) in sections {
        let span = name.span.clone();
        let Some(issuer) = read_issuer(&name, &section, files) else {
            section.finish();
            continue;
        };
        let url = &issuer.settings.url;
        if let Some(other) = urls.insert(url.clone(), name.value.to_owned()) {
            let message = format!("[issuers.{other}] has the same url \"{url}\"");
            section.report(Code::Duplicate, &span, message, None);
        }
        if public_url == Some(url.trim_end_matches('/')) {
            section.report(Code::OwnIssuer, &span, "the broker cannot trust itself as an issuer", None);
        }
        section.finish();
        issuers.push(issuer);
    }
    Issuers::new(issuers)
}

fn read_issuer(name: &Located<&str>, section: &Section<'_>, files: &Files<'_>) -> Option<Issuer> {
    section.required("kind", "\"github\"");
    Warnings::expect_accept(section);
    let kind = section.parsed("kind", |text| {
        Kind::by_name(text).ok_or_else(|| {
            let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name).collect();
            format!("known kinds are {}", known.join(", "))
        })
    });
    let url = read_url(section, kind.as_ref().map(|kind| kind.value));
    let algorithms = read_algorithms(section);
    let max_age = section.duration("max_age", 1..MAX_MAX_AGE + 1);
    let leeway = section.duration("leeway", 0..MAX_LEEWAY + 1);
    let allow_no_kid = section.flag("allow_no_kid");
    let keys_host = kind.as_ref().and_then(|kind| kind.value.urls.keys_host);
    let keys = read_keys(section, files, url.as_deref(), keys_host);
    let keyring = keys.and_then(|keys| keyring(name.value, section, keys, allow_no_kid));
    let Some(kind) = kind.map(|kind| kind.value) else {
        // What may be written here depends on the kind, so nothing is said about it.
        for key in ["pins", "run_claim", "allow_events", "accept_shared_audience"] {
            section.value(key);
        }
        return None;
    };
    let pins = read_pins(section, kind, url.as_deref().unwrap_or_default());
    let allow_events = read_allow_events(section, kind);
    let accept_shared_audience = read_shared_audience(section, kind);
    let run_claim = match kind.run_claim() {
        Some(claim) => Some(claim.to_owned()),
        None => section.string("run_claim").map(|claim| claim.value.to_owned()),
    };
    Some(Issuer {
        settings: Arc::new(IssuerSettings {
            id: name.value.into(),
            kind,
            url: url?,
            pins: pins?,
            algorithms,
            max_age: max_age.unwrap_or(kind.max_age),
            leeway: leeway.unwrap_or(30),
            run_claim,
            accept_shared_audience,
            allow_events,
        }),
        keyring: keyring?,
        keys_file: section.string("keys_file").map(|name| files.path(name.value)),
    })
}

fn read_url(section: &Section<'_>, kind: Option<&'static Kind>) -> Option<String> {
    if !section.contains("url") {
        section.value("url");
        let default = kind?.urls.default;
        if default.is_none() {
            section.missing("url", "\"https://ci.example.com\"");
        }
        return default.map(str::to_owned);
    }
    let text = section.string("url")?;
    let is_wildcard = text.value.contains('*');
    let problem = match Url::parse(text.value) {
        _ if is_wildcard => Some("a wildcard would trust every tenant".to_owned()),
        Err(error) => Some(error.to_string()),
        Ok(url) if url.scheme() != "https" => Some("an issuer is https".to_owned()),
        Ok(url)
            if url.query().is_some()
                || url.fragment().is_some()
                || !url.username().is_empty()
                || url.password().is_some() =>
        {
            Some("an issuer has no query, fragment or credentials".to_owned())
        }
        // `iss` is compared to the byte, so what cannot be equal to any `iss` is an error here.
        Ok(url) if url.as_str().trim_end_matches('/') != text.value.trim_end_matches('/') => {
            Some(format!("it is not in normal form; write \"{}\"", url.as_str().trim_end_matches('/')))
        }
        Ok(url)
            if url.path() == "/"
                && text.value.ends_with('/')
                && kind.is_some_and(|kind| (kind.urls.owns)(text.value)) =>
        {
            Some("the platform writes it without the slash at the end".to_owned())
        }
        Ok(url) => kind.and_then(|kind| (kind.urls.check)(&url).err()).map(str::to_owned),
    };
    let owner = Kind::ALL
        .iter()
        .find(|known| (known.urls.owns)(text.value))
        .filter(|owner| kind.is_some_and(|kind| kind.name != owner.name));
    let problem = problem.or_else(|| {
        owner.map(|owner| {
            format!("it is a known issuer: write kind = \"{}\", which knows what its claims mean", owner.name)
        })
    });
    if let Some(problem) = problem {
        section.report(
            if is_wildcard { Code::IssuerWildcard } else { Code::IssuerUrl },
            &text.span,
            format!("`url` cannot be \"{}\": {problem}", without_credentials(text.value)),
            None,
        );
        return None;
    }
    Some(text.value.to_owned())
}

fn read_algorithms(section: &Section<'_>) -> Vec<Algorithm> {
    let mut algorithms = Vec::new();
    for name in section.strings("algorithms") {
        match name.value.parse::<Algorithm>().ok().filter(|algorithm| ALGORITHMS.contains(algorithm)) {
            Some(algorithm) => algorithms.push(algorithm),
            None => {
                let known: Vec<_> = ALGORITHMS.iter().map(|algorithm| format!("{algorithm:?}")).collect();
                section.error(
                    &name.span,
                    format!("\"{}\" is not an algorithm that is accepted", name.value),
                    format!("there are {}", known.join(", ")),
                );
            }
        }
    }
    if algorithms.is_empty() { DEFAULT_ALGORITHMS.to_vec() } else { algorithms }
}

/// Events that the kind never allows, and the operator does.
fn read_allow_events(section: &Section<'_>, kind: &'static Kind) -> Vec<String> {
    let forbidden: Vec<_> = kind.events.iter().flat_map(|rule| rule.forbidden).copied().collect();
    let mut allowed = Vec::new();
    for event in section.strings("allow_events") {
        if !forbidden.contains(&event.value) {
            section.error(
                &event.span,
                format!("issuers of kind \"{}\" have no dangerous event \"{}\"", kind.name, event.value),
                (!forbidden.is_empty()).then(|| format!("there are {}", forbidden.join(", "))),
            );
        }
        allowed.push(event.value.to_owned());
    }
    allowed
}

fn read_shared_audience(section: &Section<'_>, kind: &'static Kind) -> bool {
    let accepted = section.flag("accept_shared_audience");
    if accepted && kind.audiences.shared.is_none() {
        section.error(
            section.span(),
            format!("issuers of kind \"{}\" have no shared audience: their jobs choose one", kind.name),
            "leave out `accept_shared_audience`".to_owned(),
        );
    }
    accepted
}

fn read_pins(section: &Section<'_>, kind: &'static Kind, url: &str) -> Option<Vec<String>> {
    if kind.has_pins() {
        return Some(kind.pins(url).into_iter().map(str::to_owned).collect());
    }
    let mut pins: Vec<_> = section.strings("pins").into_iter().map(|pin| pin.value.to_owned()).collect();
    if pins.is_empty() {
        section.error(
            section.span(),
            format!("[{}] lacks `pins`: the claims that every policy must fix", section.path()),
            "name claims that the issuer never gives to someone else, such as `pins = [\"sub\"]`".to_owned(),
        );
        return None;
    }
    pins.dedup();
    Some(pins)
}

fn read_keys(
    section: &Section<'_>,
    files: &Files<'_>,
    url: Option<&str>,
    keys_host: Option<&'static str>,
) -> Option<KeySource> {
    if section.contains("keys_file") {
        for key in ["jwks_uri", "ca_file", "allow_private"] {
            if section.value(key).is_some() {
                section.error(section.span(), format!("`{key}` has no meaning beside `keys_file`"), None);
            }
        }
        let name = section.string("keys_file")?;
        let contents = files.read(section, "keys_file")?;
        return Some(KeySource::File(files.path(name.value), contents));
    }
    let fetcher = fetcher::read(section, files);
    let jwks_uri = section.parsed("jwks_uri", https_url);
    Some(KeySource::Fetched(Remote {
        fetcher: fetcher?,
        issuer_url: url?.to_owned(),
        jwks_uri: jwks_uri.map(|uri| uri.value),
        keys_host,
    }))
}

fn keyring(id: &str, section: &Section<'_>, keys: KeySource, allow_no_kid: bool) -> Option<Keyring> {
    match Keyring::new(id.into(), keys, allow_no_kid) {
        Ok(keyring) => Some(keyring),
        Err(error) => {
            let span = section.string("keys_file").map_or_else(|| section.span().clone(), |name| name.span);
            section.error(&span, format!("`keys_file`: {error}"), None);
            None
        }
    }
}
