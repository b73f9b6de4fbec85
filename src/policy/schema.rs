//! A JSON Schema (2020-12) of policy files, so that editors complete and check them while they are
//! written. It is a first look: only `trustmint policy check` knows everything.

use serde_json::{Map, Value, json};

use super::document::OPERATORS;
use super::{Mode, Vocabulary};
use crate::denial::Reason;
use crate::identity::IssuerSettings;
use crate::token::Action;

/// The schema; with a vocabulary, it knows the configured issuers, their claims and the registries.
pub fn schema(vocabulary: Option<&Vocabulary>) -> Value {
    let mut policy = object(
        &["id", "issuer", "registry", "packages", "actions", "match"],
        json!({
            "id": { "type": "string", "pattern": "^[A-Za-z0-9_./-]{1,200}$" },
            "issuer": names(vocabulary.map(issuers)),
            "registry": names(vocabulary.map(registries)),
            "packages": strings(json!({ "type": "string", "minLength": 1 })),
            "actions": strings(json!({ "enum": Action::ALL.map(Action::as_str) })),
            "match": { "$ref": "#/$defs/conditions" },
            "mode": { "enum": [Mode::Enforce.as_str(), Mode::Audit.as_str()] },
            "enabled": { "type": "boolean" },
            // A date of TOML, which JSON has no type for.
            "expires": {},
            "limits": object(&[], json!({
                "token_ttl": { "type": "string" },
                "tokens_per_run": { "type": "integer", "minimum": 1 },
                "packages_per_token": { "type": "integer", "minimum": 1 },
            })),
            "deny": { "type": "array", "items": { "$ref": "#/$defs/conditions" } },
            "test": { "type": "array", "items": { "$ref": "#/$defs/test" } },
        }),
    );
    if let Some(vocabulary) = vocabulary {
        let all = vocabulary.all_issuers();
        policy["allOf"] = all.into_iter().map(|issuer| of_issuer(issuer)).collect();
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trust policies of trustmint",
        "type": "object",
        "properties": {
            "policy": { "type": "array", "items": { "$ref": "#/$defs/policy" } },
            "deny": { "type": "array", "items": { "$ref": "#/$defs/deny" } },
        },
        "additionalProperties": false,
        "$defs": {
            "policy": policy,
            "deny": deny(vocabulary),
            "test": test(),
            "conditions": { "type": "object", "additionalProperties": { "$ref": "#/$defs/condition" } },
            "condition": {
                "anyOf": [
                    { "$ref": "#/$defs/pattern" },
                    { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/pattern" } },
                ],
            },
            "pattern": { "anyOf": patterns() },
        },
    })
}

fn deny(vocabulary: Option<&Vocabulary>) -> Value {
    let mut deny = object(
        &[],
        json!({
            "issuer": names(vocabulary.map(issuers)),
            "registry": names(vocabulary.map(registries)),
            "packages": strings(json!({ "type": "string", "minLength": 1 })),
            "match": { "$ref": "#/$defs/conditions", "minProperties": 1 },
        }),
    );
    deny["minProperties"] = json!(1);
    deny
}

fn test() -> Value {
    object(
        &["name", "expect"],
        json!({
            "name": { "type": "string" },
            "claims": { "type": "object" },
            "absent": strings(json!({ "type": "string" })),
            "expect": { "enum": ["allow", "deny"] },
            "reason": { "enum": Reason::ALL.map(Reason::as_str) },
        }),
    )
}

/// What one claim is compared with.
fn patterns() -> Vec<Value> {
    let literal =
        [json!({ "type": "string", "minLength": 1, "pattern": "^[^*]*$" }), json!({ "type": "boolean" })];
    let operators = OPERATORS.map(|(operator, takes_text)| {
        let operand = if takes_text {
            json!({ "type": "string", "minLength": 1 })
        } else {
            json!({ "type": "boolean" })
        };
        object(&[operator], Map::from_iter([(operator.to_owned(), operand)]).into())
    });
    literal.into_iter().chain(operators).collect()
}

/// What policies of one issuer pin, and which claims it signs.
fn of_issuer(issuer: &IssuerSettings) -> Value {
    let kind = issuer.kind;
    let mut conditions = json!({ "required": issuer.pins });
    if !kind.vocabulary.is_empty() {
        let derived = kind.derived.iter().map(|derived| derived.name);
        let fit = |name: &&str| !kind.unfit.iter().any(|(unfit, _)| unfit == name);
        let names = kind.vocabulary.iter().copied().chain(derived).filter(fit);
        let condition = || json!({ "$ref": "#/$defs/condition" });
        let prefixes = kind.vocabulary_prefixes.iter().map(|prefix| (format!("^{prefix}"), condition()));
        conditions["properties"] =
            names.map(|name| (name.to_owned(), condition())).collect::<Map<_, _>>().into();
        conditions["patternProperties"] =
            prefixes.chain([("^/".to_owned(), condition())]).collect::<Map<_, _>>().into();
        conditions["additionalProperties"] = json!(false);
    }
    json!({
        "if": { "properties": { "issuer": { "const": issuer.id } }, "required": ["issuer"] },
        "then": { "properties": { "match": conditions } },
    })
}

fn issuers(vocabulary: &Vocabulary) -> Vec<String> {
    vocabulary.all_issuers().iter().map(|issuer| issuer.id.to_string()).collect()
}

fn registries(vocabulary: &Vocabulary) -> Vec<String> {
    vocabulary.registries.iter().map(|registry| registry.id.to_string()).collect()
}

fn names(known: Option<Vec<String>>) -> Value {
    known.map_or_else(|| json!({ "type": "string", "minLength": 1 }), |known| json!({ "enum": known }))
}

/// A list, or a single one, as the reader takes it.
fn strings(item: Value) -> Value {
    json!({ "anyOf": [item, { "type": "array", "minItems": 1, "items": item }] })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
