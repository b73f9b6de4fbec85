//! Reading a table of claims: what each is compared with.

use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

use toml::de::DeValue;

use crate::identity::IssuerSettings;
use crate::policy::{Condition, Glob, Pattern};
use crate::toml_reader::{Code, Located, Section, Value, closest};

/// What a claim can be compared with beside plain values, and whether that takes a string; else it
/// takes true or false.
pub(in crate::policy) const OPERATORS: [(&str, bool); 4] =
    [("glob", true), ("prefix", true), ("contains", true), ("present", false)];

/// `[policy.match]`, which must be there.
pub(in crate::policy) fn read_match(
    section: &Section<'_>,
    issuer: Option<&Arc<IssuerSettings>>,
) -> Option<Vec<Condition>> {
    let Some(table) = section.section("match") else {
        if !section.contains("match") {
            section.report(
                Code::MatchesAnybody,
                section.span(),
                format!("[{}] lacks `match`, so it would be about everyone", section.path()),
                format!("write [{}.match] and pin who may publish", section.path()),
            );
        }
        return None;
    };
    Some(read_conditions(table, issuer.as_slice(), Comparison::Allow))
}

/// One `[[policy.deny]]`.
pub(in crate::policy) fn read_deny_group(
    section: Section<'_>,
    issuer: Option<&Arc<IssuerSettings>>,
) -> Vec<Condition> {
    if section.keys().is_empty() {
        let message = "this deny has no condition, so the policy would grant nothing";
        section.report(Code::MatchesAnybody, section.span(), message, None);
    }
    read_conditions(section, issuer.as_slice(), Comparison::Deny)
}

/// How values are compared: narrowly in an allow, broadly in a deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Comparison {
    /// Case counts, except where the platform ignores it.
    Allow,
    /// Case never counts: a deny must not be evaded by a spelling that the platform treats alike.
    Deny,
}

/// Reads the conditions on identities of these issuers. The list is empty if the issuer was misread.
pub(in crate::policy) fn read_conditions(
    section: Section<'_>,
    issuers: &[&Arc<IssuerSettings>],
    comparison: Comparison,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for key in section.keys() {
        check_claim_name(&section, &key, issuers);
        let case_insensitive = comparison == Comparison::Deny
            || issuers.iter().any(|issuer| issuer.kind.is_case_insensitive(key.value));
        let Some(value) = section.value(key.value) else { continue };
        let any_of = read_patterns(&section, key.value, value, case_insensitive);
        for issuer in issuers {
            refuse_forbidden_events(&section, &key, &any_of, issuer);
        }
        refuse_impossible_values(&section, key.value, &value.span(), &any_of, issuers);
        if !any_of.is_empty() {
            let line = u32::try_from(section.position_of(&key.span).line).ok().and_then(NonZeroU32::new);
            conditions.push(Condition {
                claim: key.value.into(),
                any_of: any_of.into(),
                case_insensitive,
                line,
            });
        }
    }
    section.finish();
    conditions
}

fn check_claim_name(section: &Section<'_>, key: &Located<&str>, issuers: &[&Arc<IssuerSettings>]) {
    if issuers.is_empty() {
        return;
    }
    if let Some(name) = key.value.strip_prefix('/').filter(|name| !name.contains(['/', '~'])) {
        section.report(
            Code::UnknownClaim,
            &key.span,
            format!("`{}` is a pointer to a claim that has a name", key.value),
            format!("write `{name}`; pointers are for claims inside of claims"),
        );
        return;
    }
    let unmatchable: Option<Vec<_>> =
        issuers.iter().map(|issuer| issuer.kind.unmatchable(key.value)).collect();
    if let Some(why) = unmatchable.and_then(|all| all.first().copied()) {
        let message = format!("`{}` is not fit to match on", key.value);
        section.report(Code::UnfitClaim, &key.span, message, why.to_owned());
    } else {
        require_known_claim(section, key, issuers);
    }
}

/// Notes a claim that none of these issuers signs.
pub(in crate::policy) fn require_known_claim(
    section: &Section<'_>,
    key: &Located<&str>,
    issuers: &[&Arc<IssuerSettings>],
) {
    let [first, ..] = issuers else { return };
    if !issuers.iter().any(|issuer| issuer.kind.knows(key.value)) {
        let names = issuers
            .iter()
            .flat_map(|issuer| issuer.kind.signed().chain(issuer.kind.derived().map(|(name, _)| name)));
        let help = closest(key.value, names).map(|near| format!("did you mean `{near}`?"));
        let message = match issuers {
            [_] => format!("issuers of kind \"{}\" sign no claim `{}`", first.kind.name, key.value),
            _ => format!("no configured issuer signs a claim `{}`", key.value),
        };
        section.report(Code::UnknownClaim, &key.span, message, help);
    }
}

/// A value that no issuer gives the claim would never match in an allow, nor in a deny.
fn refuse_impossible_values(
    section: &Section<'_>,
    key: &str,
    span: &Range<usize>,
    any_of: &[Pattern],
    issuers: &[&Arc<IssuerSettings>],
) {
    let shapes: Option<Vec<_>> = issuers.iter().map(|issuer| issuer.kind.shape(key)).collect();
    let Some(shapes) = shapes.filter(|shapes| !shapes.is_empty()) else { return };
    for value in any_of.iter().filter_map(Pattern::exact) {
        if !value.contains('*') && !shapes.iter().any(|shape| shape.matches(value)) {
            let message = format!("`{key}` is never \"{value}\": it is {}", shapes[0]);
            section.report(Code::ImpossibleValue, span, message, None);
        }
    }
}

fn refuse_forbidden_events(
    section: &Section<'_>,
    key: &Located<&str>,
    any_of: &[Pattern],
    issuer: &IssuerSettings,
) {
    // Only a policy allows; a deny may name them.
    if section.path() != "policy.match" {
        return;
    }
    for events in issuer.kind.events.iter().filter(|events| events.claim == key.value) {
        let named = any_of.iter().filter_map(Pattern::exact);
        for event in named.filter(|event| events.forbidden.contains(event) && !issuer.allows_event(event)) {
            section.report(
                Code::DangerousEvent,
                &key.span,
                format!("a run whose `{}` is \"{event}\" may not publish: {}", events.claim, events.advice),
                format!("or name it in `allow_events` of [issuers.{}]", issuer.id),
            );
        }
    }
}

fn read_patterns(
    section: &Section<'_>,
    key: &str,
    value: &Value<'_>,
    case_insensitive: bool,
) -> Vec<Pattern> {
    let items = match value.get_ref() {
        DeValue::Array(items) if items.is_empty() => {
            let message = format!("`{key}` lists nothing, so it would never match");
            section.report(Code::GrantsNothing, &value.span(), message, None);
            return Vec::new();
        }
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    };
    let mut patterns: Vec<_> =
        items.into_iter().filter_map(|item| read_pattern(section, key, item, case_insensitive)).collect();
    patterns.sort();
    patterns.dedup();
    patterns
}

fn read_pattern(
    section: &Section<'_>,
    key: &str,
    value: &Value<'_>,
    case_insensitive: bool,
) -> Option<Pattern> {
    match value.get_ref() {
        DeValue::String(text) if text.is_empty() => {
            section.report(
                Code::GrantsNothing,
                &value.span(),
                format!("`{key}` is empty"),
                "leave it out, or write `{ present = false }`".to_owned(),
            );
            None
        }
        DeValue::String(text) => {
            if text.contains('*') {
                section.report(
                    Code::LooseGlob,
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
                    format!("`{key}` needs exactly one of `glob`, `prefix`, `contains` and `present`"),
                    None,
                );
                return None;
            };
            read_operator(section, key, operator.get_ref(), operator.span(), operand, case_insensitive)
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
    case_insensitive: bool,
) -> Option<Pattern> {
    match (operator, operand.get_ref()) {
        ("glob", DeValue::String(text)) => {
            let pattern = if case_insensitive { text.to_ascii_lowercase() } else { text.to_string() };
            Glob::parse(&pattern)
                .map_err(|error| {
                    section.report(Code::LooseGlob, &operand.span(), format!("`{key}`: {error}"), None);
                })
                .ok()
                .map(|glob| Pattern::Glob(Box::new(glob)))
        }
        ("prefix", DeValue::String(text)) if !text.is_empty() => Some(Pattern::Prefix(text.to_string())),
        ("contains", DeValue::String(text)) if !text.is_empty() => Some(Pattern::Contains(text.to_string())),
        ("contains", DeValue::String(_)) => {
            let message = format!("`{key}`: an empty element matches nothing");
            section.report(Code::GrantsNothing, &operand.span(), message, None);
            None
        }
        ("prefix", DeValue::String(_)) => {
            section.report(
                Code::LooseGlob,
                &operand.span(),
                format!("`{key}`: an empty prefix matches just anything"),
                "write `{ present = true }` if that is meant".to_owned(),
            );
            None
        }
        ("present", DeValue::Boolean(wanted)) => Some(Pattern::Present(*wanted)),
        ("glob" | "prefix" | "contains", other) => {
            section.wrong_type(operator, operand.span(), "a string in quotes", other);
            None
        }
        ("present", other) => {
            section.wrong_type(operator, operand.span(), "true or false", other);
            None
        }
        ("regex", _) => {
            let help = format!("write `{key} = {{ glob = \"…*\" }}`, or list the values");
            section.report(Code::Regex, &span, format!("`{key}`: there are no regular expressions"), help);
            None
        }
        _ => {
            let help = closest(operator, OPERATORS.map(|(name, _)| name))
                .map(|near| format!("did you mean `{near}`?"));
            section.error(
                &span,
                format!("`{key}` has no operator `{operator}`; there are `glob`, `prefix`, `contains` and `present`"),
                help,
            );
            None
        }
    }
}
