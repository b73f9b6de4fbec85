//! Which issuers are examined: configured ones, or one at a URL as an operator would configure it.

use std::path::Path;
use std::sync::Arc;

use url::Url;

use super::Options;
use crate::identity::{Issuer, Kind};
use crate::settings::{Config, read_issuers};
use crate::toml_reader::{Source, closest};

/// Where the configuration is if no one says.
const CONFIGURATION: &str = "trustmint.toml";

/// An issuer that is examined.
pub(super) struct Subject {
    pub(super) issuer: Arc<Issuer>,
    /// The lines of its section, if it is not configured.
    pub(super) lines: Option<String>,
}

impl Subject {
    fn configured(issuer: &Arc<Issuer>) -> Self {
        Self { issuer: Arc::clone(issuer), lines: None }
    }
}

/// The issuers that the options name, ordered by id; or what is wrong with the options.
pub(super) fn chosen(options: &Options) -> Result<Vec<Subject>, String> {
    let url = options.issuer.as_deref().filter(|name| name.contains("://"));
    let has_url_options = options.ca_file.is_some() || !options.allow_private.is_empty();
    if url.is_none() && has_url_options {
        return Err("error: --ca-file and --allow-private are for a URL; configured issuers have their own \
                    `ca_file` and `allow_private`"
            .to_owned());
    }
    if let Some(url) = url {
        let configured = if has_url_options { None } else { configured_at(options, url)? };
        return Ok(vec![configured.map_or_else(|| at_url(url, options), Ok)?]);
    }
    let config = load(options.config.as_deref().unwrap_or(Path::new(CONFIGURATION)))?;
    let mut subjects: Vec<_> = match &options.issuer {
        Some(id) => vec![Subject::configured(config.issuers.by_id(id).ok_or_else(|| unknown(&config, id))?)],
        None => config.issuers.iter().map(Subject::configured).collect(),
    };
    subjects.sort_by(|a, b| a.issuer.settings.id.cmp(&b.issuer.settings.id));
    Ok(subjects)
}

fn load(path: &Path) -> Result<Config, String> {
    Config::load(path).map_err(|diagnostics| diagnostics.to_string())
}

/// The issuer of this URL in the configuration, where there is one.
fn configured_at(options: &Options, url: &str) -> Result<Option<Subject>, String> {
    let default = Path::new(CONFIGURATION);
    let path = match &options.config {
        Some(named) => named,
        None if default.exists() => default,
        None => return Ok(None),
    };
    Ok(load(path)?.issuers.by_url(url).map(Subject::configured))
}

fn unknown(config: &Config, id: &str) -> String {
    let mut known: Vec<_> = config.issuers.iter().map(|issuer| &*issuer.settings.id).collect();
    known.sort_unstable();
    let help = match closest(id, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "an issuer that is not configured is named by its https URL".to_owned(),
    };
    format!("error: no issuer {id:?} is configured; there are {}\n  help: {help}", known.join(", "))
}

/// An issuer as its operator would configure it: what is examined is what is written down.
fn at_url(url: &str, options: &Options) -> Result<Subject, String> {
    let lines = section(url, options);
    let issuers = read_issuers(&Source::new(url, lines.as_str()), Path::new("")).map_err(|diagnostics| {
        let shown = diagnostics.iter().map(|item| match &item.help {
            Some(help) => format!("error: {}\n  help: {help}", item.message),
            None => format!("error: {}", item.message),
        });
        shown.collect::<Vec<_>>().join("\n")
    })?;
    let issuer = issuers.iter().next().ok_or("error: no issuer")?;
    Ok(Subject { issuer: Arc::clone(issuer), lines: Some(lines) })
}

fn section(url: &str, options: &Options) -> String {
    let known = Kind::ALL.into_iter().find(|kind| (kind.urls.owns)(url));
    let id = known.map_or_else(|| id_of(url), |kind| kind.name.to_owned());
    let mut lines = format!("[issuers.{id}]\n");
    match known {
        Some(kind) => lines.push_str(&format!("kind = \"{}\"\n", kind.name)),
        None => lines.push_str("kind = \"oidc\"      # or the platform's kind, if it is one that you host\n"),
    }
    if known.and_then(|kind| kind.urls.default) != Some(url) {
        lines.push_str(&format!("url  = {}\n", quoted(url)));
    }
    if known.is_none_or(|kind| !kind.has_pins()) {
        lines.push_str("pins = [\"sub\"]     # claims that it never gives to someone else\n");
    }
    if let Some(file) = &options.ca_file {
        lines.push_str(&format!("ca_file = {}\n", quoted(&file.display().to_string())));
    }
    if !options.allow_private.is_empty() {
        let networks: Vec<_> = options.allow_private.iter().map(|network| format!("\"{network}\"")).collect();
        lines.push_str(&format!("allow_private = [{}]\n", networks.join(", ")));
    }
    lines
}

/// An id made of the host.
fn id_of(url: &str) -> String {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let id: String = host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let id = id.trim_matches('-');
    if id.is_empty() { "issuer".to_owned() } else { id.to_owned() }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let escaped = text.chars().flat_map(|letter| match letter {
        '"' | '\\' => vec!['\\', letter],
        _ if letter.is_control() => format!("\\u{:04x}", u32::from(letter)).chars().collect(),
        _ => vec![letter],
    });
    format!("\"{}\"", escaped.collect::<String>())
}
