//! `[policies]`: where trust policies are, how often to look at them, and which folders are teams'.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::identity::Issuers;
use crate::policy::Delegation;
use crate::registry::{Action, Actions};
use crate::registry::{Package, Registries};
use crate::settings::Files;
use crate::toml_reader::{Code, Section};

/// How often it is looked whether policy files changed.
const POLL: Duration = Duration::from_secs(1);
/// The shortest time between two looks.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// `[policies]`.
pub(super) struct Policies {
    pub(super) folder: PathBuf,
    pub(super) poll: Option<Duration>,
    pub(super) delegations: Vec<Delegation>,
}

pub(super) fn read(
    root: &Section<'_>,
    files: &Files<'_>,
    issuers: &Issuers,
    registries: &Registries,
) -> Option<Policies> {
    if !root.contains("policies") {
        root.missing("policies", "{ path = \"policies\" }");
    }
    let section = root.section("policies")?;
    let folder = section.required("path", "\"policies\"").map(|path| {
        let folder = files.path(path.value);
        if !folder.is_dir() {
            section.report(
                Code::Unreadable,
                &path.span,
                format!("{} is not a folder", folder.display()),
                None,
            );
        }
        folder
    });
    let poll = read_poll(&section);
    let within = folder.as_deref().unwrap_or(Path::new("."));
    let delegations = section
        .list("delegate")
        .into_iter()
        .filter_map(|delegate| read_delegation(delegate, within, issuers, registries))
        .collect();
    section.finish();
    Some(Policies { folder: folder?, poll, delegations })
}

/// `poll`; "0s" is never.
fn read_poll(section: &Section<'_>) -> Option<Duration> {
    let poll = section.millis("poll", 0..3_600_001).unwrap_or(POLL);
    if poll.is_zero() {
        return None;
    }
    if poll < SHORTEST_POLL {
        section.report(Code::OutOfBounds, section.span(), "`poll` is at least 100ms; \"0s\" is never", None);
    }
    Some(poll)
}

/// `[[policies.delegate]]`.
fn read_delegation(
    section: Section<'_>,
    within: &Path,
    issuers: &Issuers,
    registries: &Registries,
) -> Option<Delegation> {
    let folder = read_folder(&section, within);
    let owner = section.required("owner", "\"data-platform\"").map(|owner| owner.value.to_owned());
    let named_issuers = known(&section, "issuers", "[\"github\"]", |id| {
        issuers.by_id(id).map(|issuer| issuer.settings.id.clone())
    });
    let named_registries = known(&section, "registries", "[\"pypi\"]", |id| registries.by_id(id).cloned());
    if !section.contains("package_prefixes") {
        section.missing("package_prefixes", "[\"data-\"]");
    }
    let prefixes = section.strings("package_prefixes");
    let mut canonical = BTreeMap::new();
    for registry in &named_registries {
        let mut fitting = Vec::new();
        for prefix in &prefixes {
            match Package::canonical_prefix(registry.kind, prefix.value) {
                Ok(prefix) => fitting.push(prefix),
                Err(error) => section.error(
                    &prefix.span,
                    format!(
                        "no package of registry \"{}\" begins with \"{}\": {error}",
                        registry.id, prefix.value
                    ),
                    None,
                ),
            }
        }
        canonical.insert(registry.id.clone(), fitting);
    }
    let actions = read_actions(&section);
    section.finish();
    Some(Delegation {
        folder: folder?,
        owner: owner?,
        issuers: named_issuers,
        registries: canonical,
        actions,
    })
}

/// A folder below the policies' that is there: a slip of the pen must not leave a team unbounded.
fn read_folder(section: &Section<'_>, within: &Path) -> Option<PathBuf> {
    let written = section.required("folder", "\"teams/data\"")?;
    let folder = PathBuf::from(written.value);
    if !folder.components().all(|part| matches!(part, Component::Normal(_))) || written.value.is_empty() {
        section.error(&written.span, "`folder` is below the folder of policies, without `..`", None);
    } else if !within.join(&folder).is_dir() {
        section.error(&written.span, format!("{} is not a folder", within.join(&folder).display()), None);
    }
    Some(folder)
}

/// A list of ids that must be configured.
fn known<T>(section: &Section<'_>, key: &str, example: &str, find: impl Fn(&str) -> Option<T>) -> Vec<T> {
    if !section.contains(key) {
        section.missing(key, example);
    }
    let mut found = Vec::new();
    for id in section.strings(key) {
        match find(id.value) {
            Some(one) => found.push(one),
            None => section.error(&id.span, format!("`{key}`: \"{}\" is not configured", id.value), None),
        }
    }
    found
}

/// `actions`; all of them, if it is left out.
fn read_actions(section: &Section<'_>) -> Actions {
    if !section.contains("actions") {
        return Action::ALL.into_iter().collect();
    }
    let mut actions = Actions::default();
    for name in section.strings("actions") {
        match name.value.parse::<Action>() {
            Ok(action) => actions.insert(action),
            Err(error) => section.error(&name.span, format!("\"{}\": {error}", name.value), None),
        }
    }
    actions
}
