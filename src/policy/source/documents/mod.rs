//! Reading `[[policy]]` and `[[deny]]` tables into policies that make sense.

mod conditions;
mod lifetime;
mod pins;
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use crate::identity::IssuerSettings;
pub(in crate::policy) use crate::policy::source::documents::conditions::OPERATORS;
use crate::policy::source::documents::conditions::{
    Comparison, read_conditions, read_deny_group, read_match,
};
use crate::policy::source::documents::lifetime::{read_enabled, read_limits, read_mode};
use crate::policy::source::documents::pins::check_pins;
pub(in crate::policy) use crate::policy::source::documents::tests::read_tests;
use crate::policy::{Condition, Delegation, Deny, Pattern, Policy};
use crate::registry::{Action, Actions};
use crate::registry::{Package, Registries, Registry};
use crate::toml_reader::{Code, Located, Section, Warnings, closest};

/// What policies may speak about: the configured issuers and registries.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// Issuers by id.
    pub issuers: HashMap<Arc<str>, Arc<IssuerSettings>>,
    /// Registries.
    pub registries: Arc<Registries>,
    /// Which folders are teams', and what those may speak about.
    pub delegations: Arc<[Delegation]>,
}

impl Vocabulary {
    /// Collects the issuers by id.
    pub fn new(issuers: impl IntoIterator<Item = Arc<IssuerSettings>>, registries: Arc<Registries>) -> Self {
        let issuers = issuers.into_iter().map(|issuer| (Arc::clone(&issuer.id), issuer)).collect();
        Self { issuers, registries, delegations: Arc::default() }
    }

    pub(in crate::policy) fn all_issuers(&self) -> Vec<&Arc<IssuerSettings>> {
        let mut all: Vec<_> = self.issuers.values().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    pub(in crate::policy) fn issuer(&self, section: &Section<'_>) -> Option<&Arc<IssuerSettings>> {
        let id = section.string("issuer")?;
        let found = self.issuers.get(id.value);
        if found.is_none() {
            unknown(section, &id, "issuer", self.issuers.keys().map(|id| &**id));
        }
        found
    }

    fn registry(&self, section: &Section<'_>) -> Option<&Arc<Registry>> {
        let id = section.string("registry")?;
        let found = self.registries.by_id(id.value);
        if found.is_none() {
            unknown(section, &id, "registry", self.registries.iter().map(|registry| &*registry.id));
        }
        found
    }
}

fn unknown<'k>(section: &Section<'_>, id: &Located<&str>, what: &str, known: impl Iterator<Item = &'k str>) {
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    let help = match closest(id.value, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("the configuration has {}", known.join(", ")),
    };
    let message = format!("no {what} \"{}\" is configured", id.value);
    section.report(Code::NotConfigured, &id.span, message, help);
}

/// Reads one `[[policy]]`.
pub(in crate::policy) fn read_policy(section: Section<'_>, vocabulary: &Vocabulary) -> Option<Policy> {
    let id = section.required("id", "\"my-package-release\"").filter(|id| is_identifier(&section, id));
    for (key, example) in [("issuer", "\"github\""), ("registry", "\"pypi\"")] {
        if !section.contains(key) {
            section.missing(key, example);
        }
    }
    let issuer = vocabulary.issuer(&section);
    let registry = vocabulary.registry(&section);
    let packages = read_packages(&section, registry);
    let actions = read_actions(&section);
    let conditions = read_match(&section, issuer);
    let denies = section.list("deny").into_iter().map(|deny| read_deny_group(deny, issuer).into()).collect();
    let (enabled, mode) = (read_enabled(&section), read_mode(&section));
    let expires = section.instant("expires");
    let limits = read_limits(&section, registry);
    // For `trustmint policy test`; here only their form counts.
    read_tests(&section, issuer);
    Warnings::expect_accept(&section);
    let position = section.position();
    let span = section.span().clone();

    if let (Some(issuer), Some(conditions)) = (issuer, &conditions) {
        check_pins(&section, &span, issuer, conditions);
    }
    section.finish();
    if !enabled {
        // Checked like any other, and then as if it were not there.
        return None;
    }
    let (issuer, conditions) = (issuer?, conditions?);
    Some(Policy {
        id: id?.value.into(),
        issuer: Arc::clone(&issuer.id),
        registry: Arc::clone(&registry?.id),
        packages: packages?.into(),
        actions: actions?,
        conditions: with_event_rule(issuer, conditions).into(),
        denies,
        mode,
        expires,
        limits,
        position,
    })
}

/// Reads one top-level `[[deny]]`.
pub(in crate::policy) fn read_deny(section: Section<'_>, vocabulary: &Vocabulary) -> Option<Deny> {
    let narrowed = ["issuer", "registry", "packages", "match"].iter().any(|key| section.contains(key));
    if !narrowed {
        section.report(
            Code::MatchesAnybody,
            section.span(),
            "this deny is about everything",
            "narrow it by `issuer`, `registry`, `packages` or `match`".to_owned(),
        );
    }
    let issuer = vocabulary.issuer(&section);
    let registry = vocabulary.registry(&section);
    let packages = section.strings("packages");
    for name in &packages {
        let known = |registry: &Arc<Registry>| Package::parse(registry.kind, name.value).is_ok();
        let sensible = match registry {
            Some(registry) => known(registry),
            None => vocabulary.registries.iter().any(known),
        };
        if !sensible {
            section.report(
                Code::PackageName,
                &name.span,
                format!("\"{}\" is not a package name, so this deny would deny nothing", name.value),
                None,
            );
        }
    }
    if section.contains("packages") && packages.is_empty() {
        let help = "leave it out to deny all packages".to_owned();
        section.report(Code::GrantsNothing, section.span(), "`packages` is empty", help);
    }
    let packages = packages.into_iter().map(|name| name.value.to_owned()).collect();
    // Without an issuer it is about every one of them.
    let about =
        if section.contains("issuer") { issuer.into_iter().collect() } else { vocabulary.all_issuers() };
    let conditions = section.section("match").map_or_else(Vec::new, |table| {
        if table.keys().is_empty() {
            table.report(
                Code::MatchesAnybody,
                table.span(),
                "`match` is empty",
                "leave it out if the deny is about everyone".to_owned(),
            );
        }
        read_conditions(table, &about, Comparison::Deny)
    });
    let misread = (section.contains("issuer") && issuer.is_none())
        || (section.contains("registry") && registry.is_none());
    let deny = Deny {
        issuer: issuer.map(|issuer| Arc::clone(&issuer.id)),
        registry: registry.map(|registry| Arc::clone(&registry.id)),
        packages,
        conditions,
        position: section.position(),
    };
    section.finish();
    (narrowed && !misread).then_some(deny)
}

fn read_packages(section: &Section<'_>, registry: Option<&Arc<Registry>>) -> Option<Vec<Package>> {
    if !section.contains("packages") {
        section.value("packages");
        section.missing("packages", "[\"my-package\"]");
        return None;
    }
    let names = section.strings("packages");
    let registry = registry?;
    let mut packages = Vec::new();
    for name in &names {
        match Package::parse(registry.kind, name.value) {
            Ok(package) => packages.push(package),
            Err(error) => section.report(
                Code::PackageName,
                &name.span,
                format!("\"{}\": {error}", name.value),
                "`packages` are exact names".to_owned(),
            ),
        }
    }
    if names.is_empty() {
        let message = "`packages` names no package, so the policy grants nothing";
        section.report(Code::GrantsNothing, section.span(), message, None);
    }
    packages.sort();
    packages.dedup();
    (!packages.is_empty()).then_some(packages)
}

fn read_actions(section: &Section<'_>) -> Option<Actions> {
    if !section.contains("actions") {
        section.value("actions");
        section.missing("actions", "[\"publish\"]");
        return None;
    }
    let mut actions = Actions::default();
    let names = section.strings("actions");
    if names.is_empty() {
        let message = "`actions` names no action, so the policy grants nothing";
        section.report(Code::GrantsNothing, section.span(), message, None);
    }
    for name in names {
        match name.value.parse::<Action>() {
            Ok(action) => actions.insert(action),
            Err(error) => section.error(&name.span, format!("\"{}\": {error}", name.value), None),
        }
    }
    (!actions.is_empty()).then_some(actions)
}

/// A policy that says nothing about events allows the kind's harmless ones.
fn with_event_rule(issuer: &IssuerSettings, mut conditions: Vec<Condition>) -> Vec<Condition> {
    for events in issuer.kind.events {
        if conditions.iter().any(|condition| *condition.claim == *events.claim) {
            continue;
        }
        conditions.push(Condition {
            claim: events.claim.into(),
            any_of: events.default.iter().map(|&event| Pattern::Exact(event.to_owned())).collect(),
            case_insensitive: false,
            line: None,
        });
    }
    conditions
}

fn is_identifier(section: &Section<'_>, id: &Located<&str>) -> bool {
    let fine = !id.value.is_empty()
        && id.value.len() <= 200
        && id.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if !fine {
        section.error(&id.span, "an id has letters, digits, `-`, `_`, `.` and `/`", None);
    }
    fine
}
