//! What must be known for a first configuration and policy.

use std::collections::BTreeMap;

use url::Url;

use super::Options;
use super::asker::{Asker, Question};
use super::issuer::Issuer;
use crate::cli::{INVALID, complain};
use crate::identity::Kind;
use crate::policy::Draft;
use crate::registry::{Package, RegistryKind};

/// Everything that is known.
pub(super) struct Answers {
    pub(super) public_url: String,
    pub(super) kind: &'static Kind,
    /// `None`: the kind's own.
    pub(super) issuer_url: Option<String>,
    /// Each pinned claim and its value.
    pub(super) pins: Vec<(String, String)>,
    /// Claims that the kind recommends, why, and their values.
    pub(super) recommended: Vec<(&'static str, &'static str, String)>,
    /// Those that were left open.
    pub(super) open: Vec<(&'static str, &'static str)>,
    pub(super) accept_shared_audience: bool,
    pub(super) registry: RegistryKind,
    pub(super) host: String,
    pub(super) packages: Vec<Package>,
    pub(super) client: String,
    /// `None`: embedded.
    pub(super) redis: Option<String>,
}

impl Answers {
    /// From the flags, and from anyone who sits at the terminal; or the exit code.
    pub(super) fn collect(options: &Options) -> Result<Self, u8> {
        let mut asker = Asker::new(options.yes);
        let mut given = claims(&options.claims)?;
        let public_url = asker.ask(
            &Question {
                flag: "--public-url",
                text: "The broker's own address, such as https://publish.example.com",
                ..Question::default()
            },
            options.public_url.as_deref(),
            |text| Url::parse(text).map(|_| text.to_owned()).map_err(|error| error.to_string()),
        )?;
        let kinds = Kind::ALL.map(|kind| kind.name).join(", ");
        let kind = asker.ask(
            &Question {
                flag: "--issuer",
                text: &format!("The issuer's kind, one of {kinds}"),
                ..Question::default()
            },
            options.issuer.as_deref(),
            |name| Kind::by_name(name).ok_or_else(|| format!("known kinds are {kinds}")),
        )?;
        let issuer = match kind {
            Some(kind) => Some(Issuer::collect(kind, options, &mut given, &mut asker)?),
            None => None,
        };
        let kinds = RegistryKind::ALL.map(RegistryKind::as_str).join(", ");
        let registry = asker.ask(
            &Question {
                flag: "--registry",
                text: &format!("The registry's kind, one of {kinds}"),
                ..Question::default()
            },
            options.registry.as_deref(),
            str::parse::<RegistryKind>,
        )?;
        let host = asker.ask(
            &Question {
                flag: "--host",
                text: "The host that the registry's clients talk to, such as pypi.example.com",
                ..Question::default()
            },
            options.host.as_deref(),
            host,
        )?;
        let packages = (!options.packages.is_empty()).then(|| options.packages.join(" "));
        let packages = asker.ask(
            &Question {
                flag: "--package",
                text: "The package; several with spaces between them",
                ..Question::default()
            },
            packages.as_deref(),
            |names| parse_packages(registry.unwrap_or(RegistryKind::Generic), names),
        )?;
        let backend = format!("{}-backend", registry.map_or("registry", RegistryKind::as_str));
        let client = asker.ask(
            &Question {
                flag: "--client",
                text: "The registry's id when it asks about tokens",
                default: Some(&backend),
                ..Question::default()
            },
            options.client.as_deref(),
            |id| Ok(id.to_owned()),
        )?;
        let store = asker.ask(
            &Question {
                flag: "--store",
                text: "Where memory is: embedded, or the URL of a Redis",
                default: Some("embedded"),
                ..Question::default()
            },
            options.store.as_deref(),
            store,
        )?;
        asker.finish()?;
        if let Some(name) = given.keys().next() {
            complain!(
                "error: --claim {name}: the policy neither pins it nor is it recommended; write it into the policy"
            );
            return Err(INVALID);
        }
        let all = (|| {
            let Issuer { kind, url, pins, recommended, open, accept_shared_audience } = issuer?;
            Some(Self {
                public_url: public_url?,
                kind,
                issuer_url: url,
                pins,
                recommended,
                open,
                accept_shared_audience,
                registry: registry?,
                host: host?,
                packages: packages?,
                client: client?,
                redis: store?,
            })
        })();
        all.ok_or(INVALID)
    }

    /// The policy.
    pub(super) fn draft(&self) -> Draft<'_> {
        Draft {
            issuer: self.kind.name,
            registry: self.registry.as_str(),
            packages: &self.packages,
            pins: self.pins.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            recommended: self.recommended.clone(),
            open: self.open.clone(),
        }
    }
}

fn claims(given: &[String]) -> Result<BTreeMap<String, String>, u8> {
    let mut claims = BTreeMap::new();
    for claim in given {
        let Some((name, value)) = claim.split_once('=') else {
            complain!("error: --claim {claim}: write NAME=VALUE");
            return Err(INVALID);
        };
        if claims.insert(name.to_owned(), value.to_owned()).is_some() {
            complain!("error: --claim {name} is given twice");
            return Err(INVALID);
        }
    }
    Ok(claims)
}

fn host(text: &str) -> Result<String, String> {
    let host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.[]:".contains(&byte);
    if !text.is_empty() && text.bytes().all(host) {
        return Ok(text.to_owned());
    }
    Err("a host is in lower case, without scheme and path".to_owned())
}

fn parse_packages(kind: RegistryKind, names: &str) -> Result<Vec<Package>, String> {
    let packages: Result<Vec<_>, _> = names
        .split_whitespace()
        .map(|name| Package::parse(kind, name).map_err(|error| error.to_string()))
        .collect();
    packages.and_then(
        |packages| if packages.is_empty() { Err("name a package".to_owned()) } else { Ok(packages) },
    )
}

/// `None` is the embedded store.
#[allow(clippy::unnecessary_wraps, reason = "as the other readers of answers")]
fn store(text: &str) -> Result<Option<String>, String> {
    Ok((text != "embedded").then(|| text.to_owned()))
}
