//! Issuers as configured, and the identities they sign.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use jsonwebtoken::Algorithm;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Claim, Claims, Keyring, Kind};
use crate::denial::{Denial, Reason};

/// What an operator says about an issuer, beside its keys.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Its name in policies, logs and metrics.
    pub id: Arc<str>,
    /// What its claims mean.
    pub kind: &'static Kind,
    /// `iss`, to the byte.
    pub url: String,
    /// The claims that every policy must pin.
    pub pins: Vec<String>,
    /// The algorithms it may sign with.
    pub algorithms: Vec<Algorithm>,
    /// How long after `iat` an ID token is accepted, in seconds.
    pub max_age: u64,
    /// How far its clock and ours may differ, in seconds.
    pub leeway: u64,
    /// The claim that names the run, where the kind or the operator knows one.
    pub run_claim: Option<String>,
    /// Whether tokens with the kind's shared audience are accepted.
    pub accept_shared_audience: bool,
    /// Events that the kind forbids and the operator allows all the same.
    pub allow_events: Vec<String>,
}

impl IssuerSettings {
    /// Returns whether the operator allows an event that its kind forbids.
    pub fn allows_event(&self, event: &str) -> bool {
        self.allow_events.iter().any(|allowed| allowed == event)
    }
}

/// A configured issuer with its keys.
#[derive(Debug)]
pub struct Issuer {
    /// What the operator says about it.
    pub settings: Arc<IssuerSettings>,
    /// Its keys.
    pub keyring: Keyring,
    /// The file that its keys are from, unless they are fetched.
    pub keys_file: Option<PathBuf>,
}

/// All configured issuers, by `iss` and by id.
#[derive(Debug, Default)]
pub struct Issuers {
    by_url: HashMap<String, Arc<Issuer>>,
    by_id: HashMap<Arc<str>, Arc<Issuer>>,
}

impl Issuers {
    /// Indexes the issuers; the configuration has checked that urls and ids are unique.
    pub fn new(all: impl IntoIterator<Item = Issuer>) -> Self {
        let mut issuers = Self::default();
        for issuer in all {
            let issuer = Arc::new(issuer);
            issuers.by_url.insert(issuer.settings.url.clone(), Arc::clone(&issuer));
            issuers.by_id.insert(Arc::clone(&issuer.settings.id), issuer);
        }
        issuers
    }

    /// The issuer whose `iss` is this, to the byte.
    pub fn by_url(&self, url: &str) -> Option<&Arc<Issuer>> {
        self.by_url.get(url)
    }

    /// The issuer with this id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<Issuer>> {
        self.by_id.get(id)
    }

    /// The issuer of claims that are not in an ID token: the one with this id, or the one that `iss` names.
    ///
    /// # Errors
    /// `unknown_issuer`.
    pub fn of_claims(&self, claims: &Claims, id: Option<&str>) -> Result<&Arc<Issuer>, Denial> {
        let found = match id {
            Some(id) => self.by_id(id),
            None => claims.text("iss").and_then(|url| self.by_url(url)),
        };
        found.ok_or_else(|| {
            Denial::new(
                Reason::UnknownIssuer,
                "neither the claims' `iss` nor an id names a configured issuer",
            )
            .claim("iss")
        })
    }

    /// Every issuer.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.by_id.values()
    }
}

/// A pinned claim of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The claim's name.
    pub name: String,
    /// Its canonical value.
    pub value: String,
}

/// What an issuer vouches for: the claims of a verified ID token, with the kind's derived claims.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who vouches.
    pub issuer: Arc<IssuerSettings>,
    /// The signed payload as it was received; what records and introspection repeat.
    pub payload: Arc<str>,
    claims: Claims,
    derived: Claims,
    pins: Vec<Pin>,
    subject: Arc<str>,
    run: Option<Arc<str>>,
}

impl Identity {
    /// Gives the claims of a verified payload their meaning.
    ///
    /// # Errors
    /// `missing_claim` where a pin is absent, `invalid_claim` where claims contradict each other.
    pub fn new(issuer: &Arc<IssuerSettings>, claims: Claims, payload: Arc<str>) -> Result<Self, Denial> {
        (issuer.kind.check)(&claims)?;
        let mut derived = Claims::default();
        for (name, derivation) in issuer.kind.derived() {
            if let Some(value) = (derivation.compute)(&claims) {
                derived.set(name, Claim::Text(value));
            }
        }
        let pins = issuer
            .pins
            .iter()
            .map(|name| match lookup(issuer.kind, &claims, &derived, name).and_then(Claim::canonical) {
                Some(value) if !value.is_empty() => Ok(Pin { name: name.clone(), value: value.into_owned() }),
                _ => Err(missing_pin(issuer, name)),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let subject: Arc<str> = subject(&issuer.id, &pins).into();
        let run = run(issuer, &subject, &claims).map(Into::into);
        Ok(Self { issuer: Arc::clone(issuer), payload, claims, derived, pins, subject, run })
    }

    /// An identity of claims that no one signed, for explaining and trying policies; never for a grant.
    ///
    /// # Errors
    /// See [`Identity::new`].
    pub fn unsigned(issuer: &Arc<IssuerSettings>, claims: Claims) -> Result<Self, Denial> {
        // The payload is for records and introspection, which there will not be.
        Self::new(issuer, claims, "{}".into())
    }

    /// Reads a payload that was verified earlier, as a token record keeps it.
    ///
    /// # Errors
    /// What [`Identity::new`] refuses under the present configuration.
    pub fn recall(issuer: &Arc<IssuerSettings>, payload: &str) -> Result<Self, Denial> {
        let claims = Claims::parse(payload.as_bytes()).map_err(|error| {
            Denial::new(Reason::InvalidClaim, "the recorded identity is not readable").internal(error)
        })?;
        Self::new(issuer, claims, payload.into())
    }

    /// A claim by its address; derived claims hide signed ones of the same name.
    pub fn claim(&self, address: &str) -> Option<&Claim> {
        lookup(self.issuer.kind, &self.claims, &self.derived, address)
    }

    /// The pinned claims, in the kind's order.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// `<issuer id>|<pinned ids>`: the identity's stable name.
    pub fn subject(&self) -> &Arc<str> {
        &self.subject
    }

    /// The subject and the run's own id, where the issuer knows runs.
    pub fn run(&self) -> Option<&Arc<str>> {
        self.run.as_ref()
    }

    /// The address of the run's page, where the kind knows it.
    pub fn run_url(&self) -> Option<String> {
        (self.issuer.kind.run_url)(&self.issuer.url, &self.claims)
    }

    /// The repository, project or the like, by id and by name.
    pub fn repositories(&self) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
        self.issuer.kind.repository().filter_map(|spec| self.claim(spec.name).and_then(Claim::canonical))
    }

    /// Whether this is an id or a name of its repository, as the platform compares names.
    pub fn is_of_repository(&self, wanted: &str) -> bool {
        self.issuer.kind.repository().any(|spec| {
            let known = self.claim(spec.name).and_then(Claim::canonical);
            known.is_some_and(|known| match spec.is_case_insensitive {
                true => known.eq_ignore_ascii_case(wanted),
                false => known == wanted,
            })
        })
    }
}

fn lookup<'c>(kind: &Kind, claims: &'c Claims, derived: &'c Claims, address: &str) -> Option<&'c Claim> {
    let is_derived = kind.derived().any(|(name, _)| name == address);
    if is_derived { derived.at(address) } else { claims.at(address) }
}

/// What must be escaped for a `|`-separated list to be unambiguous.
const SEPARATORS: &AsciiSet = &CONTROLS.add(b'|').add(b'%').add(b' ');

fn subject(issuer: &str, pins: &[Pin]) -> String {
    let mut subject = issuer.to_owned();
    for pin in pins {
        subject.push('|');
        subject.extend(utf8_percent_encode(&pin.value, SEPARATORS));
    }
    subject
}

fn run(issuer: &IssuerSettings, subject: &str, claims: &Claims) -> Option<String> {
    let value = claims.at(issuer.run_claim.as_deref()?)?.canonical()?;
    Some(format!("{subject}|{}", utf8_percent_encode(&value, SEPARATORS)))
}

fn missing_pin(issuer: &IssuerSettings, name: &str) -> Denial {
    let hint = issuer.kind.missing_pin_hint.unwrap_or("every policy pins it");
    Denial::new(Reason::MissingClaim, format!("the ID token has no `{name}`: {hint}")).claim(name.to_owned())
}
