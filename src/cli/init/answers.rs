//! What must be known for a first configuration and policy.

use std::collections::BTreeMap;

use url::Url;

use super::Options;
use super::asker::{Asker, Question};
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
    /// From the flags, and from whoever sits at the terminal; or the exit code.
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

/// What is known about the issuer.
struct Issuer {
    kind: &'static Kind,
    url: Option<String>,
    pins: Vec<(String, String)>,
    recommended: Vec<(&'static str, &'static str, String)>,
    open: Vec<(&'static str, &'static str)>,
    accept_shared_audience: bool,
}

impl Issuer {
    fn collect(
        kind: &'static Kind,
        options: &Options,
        given: &mut BTreeMap<String, String>,
        asker: &mut Asker,
    ) -> Result<Self, u8> {
        let url = Self::url(kind, options, asker)?;
        let identifier = url.as_deref().or(kind.default_url).unwrap_or_default();
        let mut pins = Vec::new();
        for name in Self::pin_names(kind, identifier, options, asker)? {
            let like = kind.shape(&name).map_or(String::new(), |shape| format!(", {shape}"));
            let text = format!("The project's `{name}`{like}");
            let flag = format!("--claim {name}=…");
            let question = Question { flag: &flag, text: &text, ..Question::default() };
            let value =
                asker.ask(&question, given.remove(&name).as_deref(), |value| value_of(kind, &name, value))?;
            pins.extend(value.map(|value| (name, value)));
        }
        let (mut recommended, mut open) = (Vec::new(), Vec::new());
        for &(name, why) in kind.recommended {
            let text = format!("Its `{name}`: {why}");
            let question = Question { flag: "--claim", text: &text, optional: true, ..Question::default() };
            let value =
                asker.ask(&question, given.remove(name).as_deref(), |value| value_of(kind, name, value))?;
            match value {
                Some(value) => recommended.push((name, why, value)),
                None => open.push((name, why)),
            }
        }
        let accept_shared_audience = Self::shared_audience(kind, identifier, options, asker)?;
        Ok(Self { kind, url, pins, recommended, open, accept_shared_audience })
    }

    /// `None` where the kind's own will do.
    fn url(kind: &'static Kind, options: &Options, asker: &mut Asker) -> Result<Option<String>, u8> {
        let question = Question {
            flag: "--issuer-url",
            text: "The issuer's URL",
            default: kind.default_url,
            ..Question::default()
        };
        let url = asker.ask(&question, options.issuer_url.as_deref(), |text| match Url::parse(text) {
            Err(error) => Err(error.to_string()),
            Ok(url) if url.scheme() != "https" => Err("an issuer is https".to_owned()),
            Ok(url) => (kind.check_url)(&url).map(|()| text.to_owned()).map_err(str::to_owned),
        })?;
        Ok(url.filter(|url| Some(url.as_str()) != kind.default_url))
    }

    /// What every policy pins: the kind's own pins, or the operator's.
    fn pin_names(
        kind: &'static Kind,
        url: &str,
        options: &Options,
        asker: &mut Asker,
    ) -> Result<Vec<String>, u8> {
        if !kind.pins.is_empty() {
            let tenant = (kind.tenant_pins)(url);
            return Ok(kind.pins.iter().chain(tenant).map(|&name| name.to_owned()).collect());
        }
        let question = Question {
            flag: "--pin",
            text: "The claims that it never gives to somebody else, with spaces between them",
            default: Some("sub"),
            ..Question::default()
        };
        let given = (!options.pins.is_empty()).then(|| options.pins.join(" "));
        let names = asker.ask(&question, given.as_deref(), |names| {
            Ok(names.split_whitespace().map(str::to_owned).collect())
        })?;
        Ok(names.unwrap_or_default())
    }

    /// Where all tokens are for an audience that every customer shares, somebody must have agreed to that.
    fn shared_audience(
        kind: &'static Kind,
        url: &str,
        options: &Options,
        asker: &mut Asker,
    ) -> Result<bool, u8> {
        if options.accept_shared_audience || kind.shared_audience.is_none() {
            return Ok(options.accept_shared_audience);
        }
        if (kind.fixed_audience)(url).is_none() {
            return Ok(false);
        }
        let text = "All its tokens are for an audience that every customer shares, so whoever is given one \
                    could present it here. Accept it (yes)?";
        let question = Question { flag: "--accept-shared-audience", text, ..Question::default() };
        let accepted = asker.ask(&question, None, |answer| match answer {
            "yes" => Ok(true),
            _ => Err("there is no other: answer yes, or end with Ctrl-C".to_owned()),
        })?;
        Ok(accepted.unwrap_or_default())
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

fn value_of(kind: &'static Kind, name: &str, value: &str) -> Result<String, String> {
    match kind.shape(name) {
        _ if value.is_empty() => Err("it is not empty".to_owned()),
        _ if value.contains('*') => {
            Err("give one value that it has; a tag stands for all versions".to_owned())
        }
        Some(shape) if !shape.has(value) => Err(format!("`{name}` is {shape}")),
        _ => Ok(value.to_owned()),
    }
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
