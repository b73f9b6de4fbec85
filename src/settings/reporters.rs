//! `[reporters.*]`.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use hyper::header::{HeaderName, HeaderValue};

use crate::keyring::Keyring;
use crate::registry::SecretHash;
use crate::reporters::{Curve, Proof, Reporter, ReporterKeys, ReporterKind, Reporters, Signatures};
use crate::settings::registries::check_id;
use crate::settings::{Files, fetcher, https_url};
use crate::toml_reader::{Code, Located, Section};

/// Addresses below `/leaks/` that are no one's name.
const TAKEN: [&str; 2] = ["holder", "verify"];

pub(super) fn read(root: &Section<'_>, files: &Files<'_>) -> Reporters {
    let mut reporters = Vec::<Reporter>::new();
    for (name, section) in root.sections("reporters") {
        check_id(&section, &name);
        if TAKEN.contains(&name.value) {
            let message = format!("no reporter is called \"{0}\": /leaks/{0} is something else", name.value);
            section.error(&name.span, message, None);
        }
        let reporter = read_reporter(&name, &section, files);
        if let Some(other) = reporter.as_ref().and_then(|reporter| same_headers(&reporters, reporter)) {
            let message = format!("[reporters.{}] has the same headers", other.id);
            section.report(
                Code::Duplicate,
                &name.span,
                message,
                "give one of them others by `key_id_header` and `signature_header`".to_owned(),
            );
        }
        section.finish();
        reporters.extend(reporter);
    }
    Reporters::new(reporters)
}

/// A reporter that a request could be by as well.
fn same_headers<'r>(reporters: &'r [Reporter], new: &Reporter) -> Option<&'r Reporter> {
    let headers = |reporter: &Reporter| {
        reporter.signatures().map(|signed| [signed.key_id_header.clone(), signed.signature_header.clone()])
    };
    let new = headers(new)?;
    reporters
        .iter()
        .find(|other| headers(other).is_some_and(|other| other.iter().any(|header| new.contains(header))))
}

fn read_reporter(name: &Located<&str>, section: &Section<'_>, files: &Files<'_>) -> Option<Reporter> {
    section.required("kind", "\"github\"");
    let kind = section.parsed("kind", str::parse::<ReporterKind>).map(|kind| kind.value);
    let signed = ["key_id_header", "signature_header", "curves", "keys_url", "keys_file", "keys_token_file"];
    let Some(kind) = kind else {
        // What may be written here depends on the kind, so nothing is said about it.
        for key in signed.iter().chain(&["ca_file", "allow_private", "secret_sha256"]) {
            section.value(key);
        }
        return None;
    };
    let proof = match kind {
        ReporterKind::GitlabRevocation => Proof::Secret(read_secrets(section)?),
        _ => Proof::Signature(read_signatures(name, section, files, kind)?),
    };
    Some(Reporter { id: name.value.into(), kind, proof })
}

fn read_secrets(section: &Section<'_>) -> Option<Vec<SecretHash>> {
    let hashes = section.strings("secret_sha256");
    if hashes.is_empty() {
        section.missing_with("secret_sha256", "[\"…\"]", ", as `trustmint client new` prints it");
    }
    let read = |hash: &Located<&str>| {
        let secret = SecretHash::from_hex(hash.value);
        if secret.is_none() {
            section.error(
                &hash.span,
                "`secret_sha256` has 64 hexadecimal digits",
                "let `trustmint client new` write it".to_owned(),
            );
        }
        secret
    };
    let secrets: Vec<_> = hashes.iter().filter_map(read).collect();
    (!secrets.is_empty()).then_some(secrets)
}

fn read_signatures(
    name: &Located<&str>,
    section: &Section<'_>,
    files: &Files<'_>,
    kind: ReporterKind,
) -> Option<Signatures> {
    let defaults = kind.headers();
    let (key_id, signature) = defaults.unzip();
    let key_id_header = read_header(section, "key_id_header", key_id, "\"Scanner-Key-Identifier\"");
    let signature_header = read_header(section, "signature_header", signature, "\"Scanner-Signature\"");
    if key_id_header.is_some() && key_id_header == signature_header {
        section.error(section.span(), "the key's id and the signature are in the same header", None);
    }
    let keyring = read_keyring(name, section, files, kind);
    Some(Signatures { key_id_header: key_id_header?, signature_header: signature_header?, keyring: keyring? })
}

fn read_header(
    section: &Section<'_>,
    key: &str,
    default: Option<&'static str>,
    example: &str,
) -> Option<HeaderName> {
    let written =
        section.parsed(key, |text| HeaderName::try_from(text).map_err(|_| "it is not a header name"));
    match (written, default) {
        (Some(header), _) => Some(header.value),
        (None, Some(default)) => Some(HeaderName::from_static(default)),
        (None, None) => {
            if !section.contains(key) {
                section.missing(key, example);
            }
            None
        }
    }
}

fn read_keyring(
    name: &Located<&str>,
    section: &Section<'_>,
    files: &Files<'_>,
    kind: ReporterKind,
) -> Option<Keyring<ReporterKeys>> {
    let curves = read_curves(section);
    let keys = |remote, authorization| ReporterKeys {
        name: format!("reporters.{}", name.value),
        curves,
        remote,
        authorization,
        sharing: OnceLock::new(),
        known_ms: AtomicU64::new(0),
    };
    if section.contains("keys_file") {
        for key in ["keys_url", "keys_token_file", "ca_file", "allow_private"] {
            if section.value(key).is_some() {
                section.error(section.span(), format!("`{key}` has no meaning beside `keys_file`"), None);
            }
        }
        let file = section.string("keys_file")?;
        let contents = files.read(section, "keys_file")?;
        return match Keyring::from_file(keys(None, None), files.path(file.value), &contents) {
            Ok(keyring) => Some(keyring),
            Err(error) => {
                section.error(&file.span, format!("`keys_file`: {error}"), None);
                None
            }
        };
    }
    let fetcher = fetcher::read(section, files);
    let url = section.parsed("keys_url", https_url);
    let url = url.map(|url| url.value).or_else(|| kind.keys_url().map(str::to_owned));
    if url.is_none() && !section.contains("keys_url") {
        section.missing_with("keys_url", "\"https://scanner.example.com/keys.json\"", ", or a `keys_file`");
    }
    let authorization = section.contains("keys_token_file").then(|| read_token(section, files));
    Some(Keyring::fetched(keys(Some((fetcher?, url?)), authorization.flatten())))
}

fn read_token(section: &Section<'_>, files: &Files<'_>) -> Option<HeaderValue> {
    let secret = files.secret(section, "keys_token_file")?;
    let value = HeaderValue::from_str(&format!("Bearer {}", secret.expose())).ok();
    if value.is_none() {
        section.error(section.span(), "the file that `keys_token_file` names is not a token", None);
    }
    value.map(|mut value| {
        value.set_sensitive(true);
        value
    })
}

fn read_curves(section: &Section<'_>) -> Vec<Curve> {
    let (mut curves, named) = (Vec::new(), section.strings("curves"));
    if section.contains("curves") && named.is_empty() {
        section.error(section.span(), "`curves` is empty", "leave it out for P-256".to_owned());
    }
    for name in named {
        match Curve::ALL.into_iter().find(|curve| curve.as_str() == name.value) {
            Some(curve) => curves.push(curve),
            None => {
                let known: Vec<_> = Curve::ALL.iter().map(|curve| curve.as_str()).collect();
                section.error(
                    &name.span,
                    format!("\"{}\" is not a curve that is accepted", name.value),
                    format!("there are {}", known.join(", ")),
                );
            }
        }
    }
    if !section.contains("curves") {
        curves.push(Curve::P256);
    }
    curves
}
