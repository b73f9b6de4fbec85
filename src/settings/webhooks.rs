//! `[webhooks.*]`.

use crate::registry::Registries;
use crate::settings::registries::check_id;
use crate::settings::{Files, fetcher, https_url};
use crate::toml_reader::{Located, Section};
use crate::webhooks::{Webhook, WebhookSecret, Webhooks};

/// How many secrets a message is signed with at most: one, and its successor.
const MOST_SECRETS: usize = 4;

pub(super) fn read(root: &Section<'_>, files: &Files<'_>, registries: &Registries) -> Webhooks {
    let mut webhooks = Vec::new();
    for (name, section) in root.sections("webhooks") {
        check_id(&section, &name);
        webhooks.extend(read_webhook(&name, &section, files, registries));
        section.finish();
    }
    Webhooks::new(webhooks)
}

fn read_webhook(
    name: &Located<&str>,
    section: &Section<'_>,
    files: &Files<'_>,
    registries: &Registries,
) -> Option<Webhook> {
    section.required("url", "\"https://alerts.example.com/trustmint\"");
    let url = section.parsed("url", https_url);
    let secrets = read_secrets(section, files);
    let about = section.strings("registries");
    for registry in &about {
        if registries.by_id(registry.value).is_none() {
            section.error(&registry.span, format!("[registries.{}] is not there", registry.value), None);
        }
    }
    let policies = section.strings("policies");
    for (key, listed) in [("registries", &about), ("policies", &policies)] {
        if section.contains(key) && listed.is_empty() {
            let help = "leave it out to be told about all".to_owned();
            section.error(section.span(), format!("`{key}` is empty"), help);
        }
    }
    let owned = |all: Vec<Located<&str>>| all.into_iter().map(|one| one.value.to_owned()).collect();
    let fetcher = fetcher::read(section, files);
    Some(Webhook {
        id: name.value.into(),
        url: url?.value,
        secrets: secrets?,
        registries: owned(about),
        policies: owned(policies),
        fetcher: fetcher?,
    })
}

/// One secret a line, the one in use first.
fn read_secrets(section: &Section<'_>, files: &Files<'_>) -> Option<Vec<WebhookSecret>> {
    if !section.contains("secret_file") {
        section.missing("secret_file", "\"webhook-secret\"");
    }
    let text = files.secret(section, "secret_file")?;
    let secrets: Option<Vec<_>> =
        text.expose().lines().map(|line| WebhookSecret::parse(line.trim())).collect();
    let secrets = secrets.filter(|secrets| (1..=MOST_SECRETS).contains(&secrets.len()));
    if secrets.is_none() {
        section.error(
            section.span(),
            "the file that `secret_file` names has one secret a line: `whsec_` and 24 to 64 bytes in base64",
            "`echo whsec_$(openssl rand -base64 32)` writes one".to_owned(),
        );
    }
    secrets
}
