//! Reading `[[policy]]` and `[[deny]]` tables into policies that make sense.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use toml::de::DeValue;

use super::{Condition, Deny, Glob, Pattern, Policy};
use crate::document::{Located, Section, Value, closest};
use crate::identity::IssuerSettings;
use crate::registry::{Package, Registries, Registry};
use crate::token::{Action, Actions};

/// How many combinations of pins one policy may list.
const MAX_PIN_COMBINATIONS: usize = 256;

/// What policies may speak about: the configured issuers and registries.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// Issuers by id.
    pub issuers: HashMap<Arc<str>, Arc<IssuerSettings>>,
    /// Registries.
    pub registries: Arc<Registries>,
}

impl Vocabulary {
    /// Collects the issuers by id.
    pub fn new(issuers: impl IntoIterator<Item = Arc<IssuerSettings>>, registries: Arc<Registries>) -> Self {
        let issuers = issuers.into_iter().map(|issuer| (Arc::clone(&issuer.id), issuer)).collect();
        Self { issuers, registries }
    }

    fn all_issuers(&self) -> Vec<&Arc<IssuerSettings>> {
        let mut all: Vec<_> = self.issuers.values().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    fn issuer(&self, section: &Section<'_>) -> Option<&Arc<IssuerSettings>> {
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
    section.error(&id.span, format!("no {what} \"{}\" is configured", id.value), help);
}

/// Reads one `[[policy]]`.
pub(super) fn read_policy(section: Section<'_>, vocabulary: &Vocabulary) -> Option<Policy> {
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
    let denies = section.list("deny").into_iter().map(|deny| read_deny_group(deny, issuer)).collect();
    let token_ttl = section.section("limits").and_then(|limits| {
        let ttl = limits.duration("token_ttl", 60..21_601);
        limits.finish();
        ttl
    });
    if let (Some(ttl), Some(registry)) = (token_ttl, registry)
        && ttl < registry.kind.shortest_ttl()
    {
        section.error(
            section.span(),
            format!(
                "a token of registry \"{}\" lives at least {} seconds",
                registry.id,
                registry.kind.shortest_ttl()
            ),
            format!("raise `token_ttl` in [{}.limits]", section.path()),
        );
    }
    skip_tests(&section);
    let position = section.position();
    let span = section.span().clone();

    let pins = issuer
        .zip(conditions.as_ref())
        .and_then(|(issuer, conditions)| pin_combinations(&section, &span, issuer, conditions));
    section.finish();
    let (issuer, conditions) = (issuer?, conditions?);
    Some(Policy {
        id: id?.value.into(),
        issuer: Arc::clone(&issuer.id),
        registry: Arc::clone(&registry?.id),
        packages: packages?,
        actions: actions?,
        conditions: with_event_rule(issuer, conditions),
        denies,
        token_ttl,
        pins: pins?,
        position,
    })
}

/// Reads one top-level `[[deny]]`.
pub(super) fn read_deny(section: Section<'_>, vocabulary: &Vocabulary) -> Option<Deny> {
    let narrowed = ["issuer", "registry", "packages", "match"].iter().any(|key| section.contains(key));
    if !narrowed {
        section.error(
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
            section.error(
                &name.span,
                format!("\"{}\" is no package name, so this deny would deny nothing", name.value),
                None,
            );
        }
    }
    if section.contains("packages") && packages.is_empty() {
        section.error(section.span(), "`packages` is empty", "leave it out to deny all packages".to_owned());
    }
    let packages = packages.into_iter().map(|name| name.value.to_owned()).collect();
    // Without an issuer it is about every one of them.
    let about =
        if section.contains("issuer") { issuer.into_iter().collect() } else { vocabulary.all_issuers() };
    let conditions = section.section("match").map_or_else(Vec::new, |table| {
        if table.keys().is_empty() {
            table.error(
                table.span(),
                "`match` is empty",
                "leave it out if the deny is about everybody".to_owned(),
            );
        }
        read_conditions(table, &about)
    });
    let misread = (section.contains("issuer") && issuer.is_none())
        || (section.contains("registry") && registry.is_none());
    let deny = Deny {
        issuer: issuer.map(|issuer| Arc::clone(&issuer.id)),
        registry: registry.map(|registry| Arc::clone(&registry.id)),
        packages,
        conditions,
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
            Err(error) => section.error(
                &name.span,
                format!("\"{}\": {error}", name.value),
                "`packages` are exact names".to_owned(),
            ),
        }
    }
    if names.is_empty() {
        section.error(section.span(), "`packages` names no package, so the policy grants nothing", None);
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
        section.error(section.span(), "`actions` names no action, so the policy grants nothing", None);
    }
    for name in names {
        match name.value.parse::<Action>() {
            Ok(action) => actions.insert(action),
            Err(error) => section.error(&name.span, format!("\"{}\": {error}", name.value), None),
        }
    }
    (!actions.is_empty()).then_some(actions)
}

fn read_match(section: &Section<'_>, issuer: Option<&Arc<IssuerSettings>>) -> Option<Vec<Condition>> {
    let Some(table) = section.section("match") else {
        if !section.contains("match") {
            section.error(
                section.span(),
                format!("[{}] lacks `match`, so it would be about everybody", section.path()),
                format!("write [{}.match] and pin who may publish", section.path()),
            );
        }
        return None;
    };
    Some(read_conditions(table, issuer.as_slice()))
}

fn read_deny_group(section: Section<'_>, issuer: Option<&Arc<IssuerSettings>>) -> Vec<Condition> {
    if section.keys().is_empty() {
        section.error(section.span(), "this deny has no condition, so the policy would grant nothing", None);
    }
    read_conditions(section, issuer.as_slice())
}

/// Reads the conditions on identities of these issuers; of nobody's if the issuer was misread.
fn read_conditions(section: Section<'_>, issuers: &[&Arc<IssuerSettings>]) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for key in section.keys() {
        check_claim_name(&section, &key, issuers);
        let caseless = issuers.iter().any(|issuer| issuer.kind.is_caseless(key.value));
        let Some(value) = section.value(key.value) else { continue };
        let any_of = read_patterns(&section, key.value, value, caseless);
        for issuer in issuers {
            refuse_never_events(&section, &key, &any_of, issuer);
        }
        if !any_of.is_empty() {
            conditions.push(Condition { claim: key.value.to_owned(), any_of, caseless });
        }
    }
    section.finish();
    conditions
}

fn check_claim_name(section: &Section<'_>, key: &Located<&str>, issuers: &[&Arc<IssuerSettings>]) {
    let [first, ..] = issuers else { return };
    if let Some(name) = key.value.strip_prefix('/').filter(|name| !name.contains(['/', '~'])) {
        section.error(
            &key.span,
            format!("`{}` is a pointer to a claim that has a name", key.value),
            format!("write `{name}`; pointers are for claims inside of claims"),
        );
        return;
    }
    let why_unfit = |issuer: &IssuerSettings| {
        issuer.kind.unfit.iter().find(|(name, _)| *name == key.value).map(|(_, why)| *why)
    };
    let unfit: Option<Vec<_>> = issuers.iter().map(|issuer| why_unfit(issuer)).collect();
    if let Some(why) = unfit.and_then(|all| all.first().copied()) {
        section.error(&key.span, format!("`{}` is not fit to match on", key.value), why.to_owned());
    } else if !issuers.iter().any(|issuer| issuer.kind.knows(key.value)) {
        let names = issuers.iter().flat_map(|issuer| {
            let derived = issuer.kind.derived.iter().map(|derived| derived.name);
            issuer.kind.vocabulary.iter().copied().chain(derived)
        });
        let help = closest(key.value, names).map(|near| format!("did you mean `{near}`?"));
        let message = match issuers {
            [_] => format!("issuers of kind \"{}\" sign no claim `{}`", first.kind.name, key.value),
            _ => format!("no configured issuer signs a claim `{}`", key.value),
        };
        section.error(&key.span, message, help);
    }
}

fn refuse_never_events(
    section: &Section<'_>,
    key: &Located<&str>,
    any_of: &[Pattern],
    issuer: &IssuerSettings,
) {
    let Some(events) = &issuer.kind.events else { return };
    // Only a policy allows; a deny may name them.
    if events.claim != key.value || section.path() != "policy.match" {
        return;
    }
    for pattern in any_of {
        if let Pattern::Exact(event) = pattern
            && events.never.contains(&event.as_str())
            && !issuer.allow_events.contains(event)
        {
            section.error(
                &key.span,
                format!("runs started by `{event}` may not publish: {}", events.advice),
                format!("or name it in `allow_events` of [issuers.{}]", issuer.id),
            );
        }
    }
}

fn read_patterns(section: &Section<'_>, key: &str, value: &Value<'_>, caseless: bool) -> Vec<Pattern> {
    let items = match value.get_ref() {
        DeValue::Array(items) if items.is_empty() => {
            section.error(&value.span(), format!("`{key}` lists nothing, so it would never match"), None);
            return Vec::new();
        }
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    };
    let mut patterns: Vec<_> =
        items.into_iter().filter_map(|item| read_pattern(section, key, item, caseless)).collect();
    patterns.sort();
    patterns.dedup();
    patterns
}

fn read_pattern(section: &Section<'_>, key: &str, value: &Value<'_>, caseless: bool) -> Option<Pattern> {
    match value.get_ref() {
        DeValue::String(text) if text.is_empty() => {
            section.error(
                &value.span(),
                format!("`{key}` is empty"),
                "leave it out, or write `{ present = false }`".to_owned(),
            );
            None
        }
        DeValue::String(text) => {
            if text.contains('*') {
                section.error(
                    &value.span(),
                    format!("`{key}` is a plain string, in which `*` means `*`"),
                    format!("write `{key} = {{ glob = \"{text}\" }}`"),
                );
            }
            Some(Pattern::Exact(text.to_string()))
        }
        DeValue::Boolean(flag) => Some(Pattern::Exact(flag.to_string())),
        DeValue::Table(table) => {
            let mut members = table.iter();
            let (Some((operator, operand)), None) = (members.next(), members.next()) else {
                section.error(
                    &value.span(),
                    format!("`{key}` needs exactly one of `glob`, `prefix` and `present`"),
                    None,
                );
                return None;
            };
            read_operator(section, key, operator.get_ref(), operator.span(), operand, caseless)
        }
        DeValue::Integer(number) => {
            section.error(
                &value.span(),
                format!("`{key}` must be a string"),
                format!("ids are strings: write `{key} = \"{}\"`", number.as_str()),
            );
            None
        }
        other => {
            section.wrong_type(
                key,
                value.span(),
                "a string, a list of strings or a table such as { glob = … }",
                other,
            );
            None
        }
    }
}

fn read_operator(
    section: &Section<'_>,
    key: &str,
    operator: &str,
    span: Range<usize>,
    operand: &Value<'_>,
    caseless: bool,
) -> Option<Pattern> {
    match (operator, operand.get_ref()) {
        ("glob", DeValue::String(text)) => {
            let pattern = if caseless { text.to_ascii_lowercase() } else { text.to_string() };
            Glob::parse(&pattern)
                .map_err(|error| section.error(&operand.span(), format!("`{key}`: {error}"), None))
                .ok()
                .map(Pattern::Glob)
        }
        ("prefix", DeValue::String(text)) if !text.is_empty() => Some(Pattern::Prefix(text.to_string())),
        ("prefix", DeValue::String(_)) => {
            section.error(
                &operand.span(),
                format!("`{key}`: an empty prefix matches just anything"),
                "write `{ present = true }` if that is meant".to_owned(),
            );
            None
        }
        ("present", DeValue::Boolean(wanted)) => Some(Pattern::Present(*wanted)),
        ("glob" | "prefix", other) => {
            section.wrong_type(operator, operand.span(), "a string in quotes", other);
            None
        }
        ("present", other) => {
            section.wrong_type(operator, operand.span(), "true or false", other);
            None
        }
        _ => {
            let help = closest(operator, ["glob", "prefix", "present"])
                .map(|near| format!("did you mean `{near}`?"));
            section.error(
                &span,
                format!("`{key}` has no operator `{operator}`; there are `glob`, `prefix` and `present`"),
                help,
            );
            None
        }
    }
}

/// Each issuer's pins must be there, exact; returns every combination of values.
fn pin_combinations(
    section: &Section<'_>,
    span: &Range<usize>,
    issuer: &IssuerSettings,
    conditions: &[Condition],
) -> Option<Vec<Vec<String>>> {
    let mut combinations = vec![Vec::new()];
    let mut complete = true;
    for pin in &issuer.pins {
        let Some(condition) = conditions.iter().find(|condition| condition.claim == *pin) else {
            section.error(
                span,
                format!(
                    "[{}.match] does not pin `{pin}`: names can be taken over, ids cannot",
                    section.path()
                ),
                format!(
                    "write `{pin} = \"…\"`; every policy of issuer \"{}\" pins {}",
                    issuer.id,
                    issuer.pins.join(" and ")
                ),
            );
            complete = false;
            continue;
        };
        let exact: Option<Vec<_>> = condition
            .any_of
            .iter()
            .map(|pattern| match pattern {
                Pattern::Exact(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        let Some(exact) = exact else {
            section.error(span, format!("`{pin}` is pinned, so it must be an exact value"), None);
            complete = false;
            continue;
        };
        combinations = combinations
            .iter()
            .flat_map(|head: &Vec<String>| {
                exact.iter().map(move |value| [head.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
        if combinations.len() > MAX_PIN_COMBINATIONS {
            section.error(
                span,
                format!("this policy pins more than {MAX_PIN_COMBINATIONS} combinations"),
                "write several policies".to_owned(),
            );
            return None;
        }
    }
    complete.then_some(combinations)
}

/// A policy that says nothing about events allows the kind's harmless ones.
fn with_event_rule(issuer: &IssuerSettings, mut conditions: Vec<Condition>) -> Vec<Condition> {
    if let Some(events) = &issuer.kind.events
        && !conditions.iter().any(|condition| condition.claim == events.claim)
    {
        conditions.push(Condition {
            claim: events.claim.to_owned(),
            any_of: events.default.iter().map(|&event| Pattern::Exact(event.to_owned())).collect(),
            caseless: false,
        });
    }
    conditions
}

/// `[[policy.test]]` tables are for `trustmint policy test`; here only their form is checked.
fn skip_tests(section: &Section<'_>) {
    for test in section.list("test") {
        test.required("name", "\"a branch cannot publish\"");
        test.value("claims");
        if let Some(expect) = test.required("expect", "\"deny\"")
            && !matches!(expect.value, "allow" | "deny")
        {
            test.error(&expect.span, "`expect` is \"allow\" or \"deny\"", None);
        }
        test.finish();
    }
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
