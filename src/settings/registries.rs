//! `[registries.*]`.

use std::collections::HashMap;
use std::ops::Range;

use crate::identity::Issuers;
use crate::registry::{Client, OnLeak, Registries, Registry, RegistryKind, SecretHash};
use crate::settings::shared_audience::owner_of;
use crate::settings::{Files, upstream};
use crate::toml_reader::{Code, Located, Section};

/// The longest life of a token, in seconds (PEP 807 forbids more).
const LONGEST_TTL: u64 = 21_600;

pub(super) fn read(
    root: &Section<'_>,
    files: &Files<'_>,
    public_url: Option<&str>,
    issuers: &Issuers,
) -> Registries {
    let sections = root.sections("registries");
    if sections.is_empty() {
        root.error(
            root.span(),
            "no registry is configured",
            "write [registries.<id>] with a `kind`".to_owned(),
        );
    }
    let several = sections.len() > 1;
    let mut taken = Taken { accepted: accepted_shared_audiences(issuers), ..Taken::default() };
    let mut registries = Vec::new();
    for (name, section) in sections {
        check_id(&section, &name);
        let (span, has_hosts) = (section.span().clone(), section.contains("hosts"));
        let registry = read_registry(name.value, section, files, public_url, &mut taken);
        let needs_hosts = registry.as_ref().is_some_and(|registry| registry.kind.spec().dialect.is_some());
        if several && needs_hosts && !has_hosts {
            root.error(
                &span,
                format!("[registries.{}] lacks `hosts`", name.value),
                "with several registries, the host is what tells them apart".to_owned(),
            );
        }
        registries.extend(registry);
    }
    Registries::new(registries)
}

/// What must not occur twice: hosts, targets, clients; and no prefix may begin with another.
#[derive(Default)]
struct Taken {
    names: HashMap<(&'static str, String), String>,
    prefixes: Vec<(String, String)>,
    /// Audiences that all customers of a platform share, and whose issuer's section accepts them.
    accepted: Vec<&'static str>,
}

fn accepted_shared_audiences(issuers: &Issuers) -> Vec<&'static str> {
    let accepting = issuers.iter().filter(|issuer| issuer.settings.accept_shared_audience);
    accepting.filter_map(|issuer| issuer.settings.kind.audiences.shared).collect()
}

impl Taken {
    fn claim(
        &mut self,
        section: &Section<'_>,
        what: &'static str,
        name: &str,
        owner: &str,
        span: &Range<usize>,
    ) {
        if let Some(other) = self.names.insert((what, name.to_owned()), owner.to_owned()) {
            section.report(
                Code::Duplicate,
                span,
                format!("the {what} \"{name}\" is already that of [registries.{other}]"),
                None,
            );
        }
    }

    /// A token that a job fetched for another service is good there too, and that service's are good
    /// here: anyone who runs it could publish. One that an issuer's section accepts is good here for that
    /// issuer's jobs anyway, and for no one else's, listed or not.
    fn refuse_foreign(&self, section: &Section<'_>, audience: &str, span: &Range<usize>) {
        if self.accepted.contains(&audience) {
            return;
        }
        if let Some(owner) = owner_of(audience) {
            section.report(
                Code::ForeignAudience,
                span,
                format!("the audience \"{audience}\" is that of {owner}"),
                "use one of your own, such as the registry's host; what all customers of an issuer share, \
                 its section accepts by `accept_shared_audience`"
                    .to_owned(),
            );
        }
    }
}

fn read_registry(
    id: &str,
    section: Section<'_>,
    files: &Files<'_>,
    public_url: Option<&str>,
    taken: &mut Taken,
) -> Option<Registry> {
    section.required("kind", "\"pypi\"");
    let kind = section.parsed("kind", str::parse::<RegistryKind>).map(|kind| kind.value);
    let hosts = read_hosts(&section, id, taken);
    let audiences = read_audiences(&section, (id, kind), public_url, &hosts, taken);
    let token_prefix = read_prefix(&section, id, taken);
    let upload_paths = read_upload_paths(&section, kind);
    let clients =
        section.list("clients").into_iter().filter_map(|client| read_client(client, id, taken)).collect();
    let (public_reads, unchecked_package) = (section.flag("public_reads"), section.flag("unchecked_package"));
    let upstream = upstream::read(&section, files);
    let on_leak = section.parsed("on_leak", |text| match text {
        "revoke" => Ok(OnLeak::Revoke),
        "suspend" => Ok(OnLeak::Suspend),
        _ => Err("write \"revoke\" or \"suspend\""),
    });
    let shortest = kind.map_or(60, |kind| kind.spec().min_token_ttl);
    let token_ttl = section.duration("token_ttl", shortest..LONGEST_TTL + 1);
    let span = section.span().clone();
    taken.claim(&section, "id or audience", id, id, &span);
    section.finish();
    Some(Registry {
        id: id.into(),
        kind: kind?,
        hosts,
        audiences,
        token_prefix,
        token_ttl: token_ttl.unwrap_or(900),
        upload_paths,
        public_reads,
        unchecked_package,
        on_leak: on_leak.map_or(OnLeak::Revoke, |on_leak| on_leak.value),
        upstream,
        clients,
    })
}

fn read_hosts(section: &Section<'_>, id: &str, taken: &mut Taken) -> Vec<String> {
    let written = section.strings("hosts");
    if section.contains("hosts") && written.is_empty() {
        section.error(section.span(), "`hosts` is empty", "leave it out to serve any host".to_owned());
    }
    let mut hosts = Vec::new();
    for host in written {
        let well_formed = !host.value.is_empty()
            && host
                .value
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.[]:".contains(&byte));
        if !well_formed {
            section.error(
                &host.span,
                format!("\"{}\" is not a host", host.value),
                "write it in lower case, without scheme and path".to_owned(),
            );
            continue;
        }
        taken.claim(section, "host", host.value, id, &host.span);
        hosts.push(host.value.to_owned());
    }
    hosts
}

fn read_audiences(
    section: &Section<'_>,
    (id, kind): (&str, Option<RegistryKind>),
    public_url: Option<&str>,
    hosts: &[String],
    taken: &mut Taken,
) -> Vec<String> {
    let written = section.strings("audiences");
    if written.is_empty() && !section.contains("hosts") {
        section.error(
            section.span(),
            format!("[{}] lacks `audiences`: what an ID token for it has as `aud`", section.path()),
            "write `audiences = [\"pypi.example.com\"]`".to_owned(),
        );
    }
    let defaults = || {
        let of_host =
            |host: &String| kind.map_or_else(Vec::new, |kind| (kind.spec().default_audiences)(host));
        hosts.iter().flat_map(of_host).map(|audience| (audience, section.span().clone())).collect()
    };
    let all: Vec<(String, Range<usize>)> = match written.is_empty() {
        true => defaults(),
        false => written.into_iter().map(|audience| (audience.value.to_owned(), audience.span)).collect(),
    };
    // The final list is checked, so that a default is held to the same rules as what is written.
    let mut audiences: Vec<String> = Vec::new();
    for (audience, span) in all {
        if audience.is_empty() {
            section.error(&span, "an audience is not empty", None);
        }
        if Some(audience.trim_end_matches('/')) == public_url {
            let message =
                format!("the audience \"{audience}\" is `public_url`, which every registry accepts");
            section.error(&span, message, "write other `audiences`, or another `public_url`".to_owned());
        }
        if !audiences.contains(&audience) {
            taken.refuse_foreign(section, &audience, &span);
            if audience != id {
                taken.claim(section, "id or audience", &audience, id, &span);
            }
            audiences.push(audience);
        }
    }
    audiences
}

fn read_prefix(section: &Section<'_>, id: &str, taken: &mut Taken) -> String {
    let written = section.parsed("token_prefix", |text| {
        let fine = (4..=32).contains(&text.len())
            && text.ends_with('_')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if fine {
            Ok(text.to_owned())
        } else {
            Err("it has 4 to 32 letters, digits and `_`, and ends with `_`")
        }
    });
    let span = written.as_ref().map_or_else(|| section.span().clone(), |prefix| prefix.span.clone());
    let prefix = written.map_or_else(|| format!("tm_{}_", id.replace('-', "_")), |prefix| prefix.value);
    for (other, owner) in &taken.prefixes {
        if other.starts_with(&prefix) || prefix.starts_with(other) {
            section.report(Code::Duplicate, &span, format!("the token prefix \"{prefix}\" cannot be told from that of [registries.{owner}], \"{other}\""), None);
        }
    }
    taken.prefixes.push((prefix.clone(), id.to_owned()));
    prefix
}

fn read_upload_paths(section: &Section<'_>, kind: Option<RegistryKind>) -> Vec<String> {
    let defaults = kind.map_or(&[][..], |kind| kind.spec().default_upload_paths);
    let paths = section.strings("upload_paths");
    for path in &paths {
        if !path.value.starts_with('/') {
            section.error(
                &path.span,
                format!("the upload path \"{}\" must begin with `/`", path.value),
                None,
            );
        }
    }
    if section.contains("upload_paths") && kind.is_some() && defaults.is_empty() {
        section.error(section.span(), "`upload_paths` is for registries of kind \"pypi\"", None);
    }
    let paths: Vec<_> = paths.into_iter().map(|path| path.value.to_owned()).collect();
    if paths.is_empty() { defaults.iter().map(|path| (*path).to_owned()).collect() } else { paths }
}

fn read_client(section: Section<'_>, registry: &str, taken: &mut Taken) -> Option<Client> {
    let id = section.required("id", "\"pypi-backend\"");
    if let Some(id) = &id {
        // RFC 6749 §2.3.1 form-encodes ids and secrets in Basic; these need no encoding anywhere.
        if id.value.is_empty()
            || !id.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        {
            section.error(&id.span, "a client id has letters, digits, `-`, `_` and `.`", None);
        }
        taken.claim(&section, "client", id.value, registry, &id.span);
    }
    let hashes = section.strings("secret_sha256");
    let mut secrets = Vec::new();
    for hash in &hashes {
        match SecretHash::from_hex(hash.value) {
            Some(secret) => secrets.push(secret),
            None => section.error(
                &hash.span,
                "`secret_sha256` has 64 hexadecimal digits",
                "let `trustmint client new` write it".to_owned(),
            ),
        }
    }
    if hashes.is_empty() {
        section.missing_with("secret_sha256", "[\"…\"]", ", as `trustmint client new` prints it");
    }
    section.finish();
    Some(Client { id: id?.value.to_owned(), secrets })
}

/// What names a section in addresses, metrics and events.
pub(super) fn check_id(section: &Section<'_>, name: &Located<&str>) {
    if !is_id(name.value) {
        let message = format!("\"{}\" is not an id: use lower-case letters, digits, `-` and `_`", name.value);
        section.error(&name.span, message, None);
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
}
