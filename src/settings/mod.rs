//! What the operator wrote in `trustmint.toml`, validated into types; every error at once, each
//! with its line.

mod fetcher;
mod issuers;
#[cfg(test)]
pub(crate) mod keys;
mod limits;
mod lint;
mod listen;
mod policies;
mod registries;
mod reporters;
mod shared_audience;
mod store;
mod upstream;
mod webhooks;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

pub use limits::Limits;
pub use listen::{AdminAddress, AdminListener, Listen, Tls};
pub use store::StoreConfig;

use crate::identity::Issuers;
use crate::policy::{Delegation, Vocabulary};
use crate::registry::Registries;
use crate::reporters::Reporters;
use crate::secret::Secret;
use crate::toml_reader::{
    Code, Diagnostics, Located, Section, Source, Warnings, document, parse, without_credentials,
};
use crate::webhooks::Webhooks;

/// The whole configuration.
#[derive(Debug)]
pub struct Config {
    /// The broker's own issuer identifier (RFC 8414), without a trailing slash.
    pub public_url: String,
    /// Where the listeners are.
    pub listen: Listen,
    /// Where memory is.
    pub store: StoreConfig,
    /// The folder of policies.
    pub policies: PathBuf,
    /// How often to look whether its files changed; `None`: only when asked (SIGHUP).
    pub policies_poll: Option<Duration>,
    /// Which of its folders are teams'.
    pub delegations: Arc<[Delegation]>,
    /// Every bound.
    pub limits: Limits,
    /// Whose ID tokens are accepted.
    pub issuers: Arc<Issuers>,
    /// What tokens are minted for.
    pub registries: Arc<Registries>,
    /// Who may report leaked tokens.
    pub reporters: Reporters,
    /// Who is told about leaks.
    pub webhooks: Webhooks,
    /// Where events go; `None`: standard output.
    pub audit_file: Option<PathBuf>,
    /// What need attention.
    pub warnings: Diagnostics,
}

/// Reads files that the configuration names, relative to its own folder.
pub(crate) struct Files<'p> {
    folder: &'p Path,
}

impl Files<'_> {
    /// The path as the process can open it.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The contents of the file that a key names.
    fn read(&self, section: &Section<'_>, key: &str) -> Option<Vec<u8>> {
        let name = section.string(key)?;
        let path = self.path(name.value);
        match std::fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let message = format!("`{key}`: {}: {error}", path.display());
                section.report(Code::Unreadable, &name.span, message, None);
                None
            }
        }
    }

    /// A secret from a file, without the line break that editors leave; never empty.
    fn secret(&self, section: &Section<'_>, key: &str) -> Option<Secret> {
        let span = section.string(key)?.span;
        let bytes = zeroize::Zeroizing::new(self.read(section, key)?);
        match std::str::from_utf8(&bytes).map(str::trim_end) {
            Ok(secret) if !secret.is_empty() => Some(Secret::new(secret)),
            _ => {
                section.error(&span, format!("the file that `{key}` names is empty or not text"), None);
                None
            }
        }
    }
}

impl Config {
    /// Loads and validates a configuration file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                diagnostics.report(
                    Code::Unreadable,
                    None,
                    format!("{}: {error}", path.display()),
                    "name the configuration with --config FILE or TRUSTMINT_CONFIG".to_owned(),
                );
                return Err(diagnostics);
            }
        };
        let source = Source::new(path.display().to_string(), text);
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::read(&source, folder)
    }

    /// Reads a configuration; file names in it are relative to `folder`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(source: &Source, folder: &Path) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let table = parse(source, &mut diagnostics);
        let found = RefCell::new(diagnostics);
        let root = document(source, &table, &found);
        let config = read_root(root, &Files { folder });
        let mut diagnostics = found.into_inner();
        match config {
            Some(config) if !diagnostics.has_errors() => Ok(config),
            _ => {
                diagnostics.sort();
                Err(diagnostics)
            }
        }
    }

    /// What policies may speak about.
    pub fn vocabulary(&self) -> Vocabulary {
        let issuers = self.issuers.iter().map(|issuer| Arc::clone(&issuer.settings));
        let vocabulary = Vocabulary::new(issuers, Arc::clone(&self.registries));
        Vocabulary { delegations: Arc::clone(&self.delegations), ..vocabulary }
    }
}

/// Reads a document that has nothing but `[issuers.*]`; file names in it are relative to `folder`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_issuers(source: &Source, folder: &Path) -> Result<Issuers, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let table = parse(source, &mut diagnostics);
    let found = RefCell::new(diagnostics);
    let root = document(source, &table, &found);
    let issuers = issuers::read(&root, &Files { folder }, None);
    root.finish();
    let diagnostics = found.into_inner();
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(issuers) }
}

fn read_root(root: Section<'_>, files: &Files<'_>) -> Option<Config> {
    let public_url = read_public_url(&root);
    let listen = listen::read(&root, files);
    let limits = limits::read(&root);
    let store = store::read(&root, files);
    let audit_file = root.section("audit").and_then(|section| {
        let path = section.required("path", "\"audit.jsonl\"").map(|path| files.path(path.value));
        section.finish();
        path
    });
    let issuers = issuers::read(&root, files, public_url.as_deref());
    let mut warnings = Warnings::default();
    lint::issuers(&root, &issuers, &mut warnings);
    warnings.settle();
    let registries = registries::read(&root, files, public_url.as_deref(), &issuers);
    let policies = policies::read(&root, files, &issuers, &registries);
    let reporters = reporters::read(&root, files);
    let webhooks = webhooks::read(&root, files, &registries);
    root.finish();
    let policies::Policies { folder, poll, delegations } = policies?;
    Some(Config {
        public_url: public_url?,
        listen: listen?,
        store: store?,
        policies: folder,
        policies_poll: poll,
        delegations: delegations.into(),
        limits,
        issuers: Arc::new(issuers),
        registries: Arc::new(registries),
        reporters,
        webhooks,
        audit_file,
        warnings: warnings.into_found(),
    })
}

fn read_public_url(root: &Section<'_>) -> Option<String> {
    let text = root.required("public_url", "\"https://publish.example.com\"")?;
    let problem = match Url::parse(text.value) {
        Err(error) => Some(format!("{error}")),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            Some("an issuer identifier has no query or fragment".to_owned())
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Some("it has credentials in it".to_owned())
        }
        Ok(url) if url.scheme() == "https" => None,
        Ok(url) if url.scheme() == "http" && is_loopback(&url) => None,
        Ok(_) => Some("it must be https; http is for loopback addresses only".to_owned()),
    };
    if let Some(problem) = problem {
        root.error(
            &text.span,
            format!("`public_url` cannot be \"{}\": {problem}", without_credentials(text.value)),
            None,
        );
        return None;
    }
    Some(text.value.trim_end_matches('/').to_owned())
}

/// A list of networks.
fn networks(section: &Section<'_>, key: &str) -> Vec<IpNet> {
    let parse = |text: Located<&str>| {
        let network = text.value.parse().ok();
        if network.is_none() {
            let message = format!("`{key}`: \"{}\" is not a network", text.value);
            section.error(&text.span, message, "write \"10.0.0.0/8\"".to_owned());
        }
        network
    };
    section.strings(key).into_iter().filter_map(parse).collect()
}

/// An address of someone that is asked or told.
fn https_url(text: &str) -> Result<String, &'static str> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" && url.username().is_empty() && url.password().is_none() => {
            Ok(text.to_owned())
        }
        _ => Err("it must be an https URL without credentials"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
