//! A JSON Schema (2020-12) of policy files, so that editors complete and check them while they are
//! written. It is a first look: only `trustmint policy check` knows everything.

use serde_json::{Map, Value, json};

use crate::denial::Reason;
use crate::identity::IssuerSettings;
use crate::policy::source::documents::OPERATORS;
use crate::policy::{Mode, Vocabulary};
use crate::registry::Action;

/// The schema; with a vocabulary, it knows the configured issuers, their claims and the registries.
pub fn schema(vocabulary: Option<&Vocabulary>) -> Value {
    let mut policy = object(
        &["id", "issuer", "registry", "packages", "actions", "match"],
        json!({
            "id": about(
                "Unique; events name it",
                json!({ "type": "string", "pattern": "^[A-Za-z0-9_./-]{1,200}$" }),
            ),
            "issuer": about(
                "Whose ID tokens: the id of an issuer of the configuration",
                names(vocabulary.map(issuers)),
            ),
            "registry": about(
                "The id of a registry of the configuration",
                names(vocabulary.map(registries)),
            ),
            "packages": about(
                "Exact names, in any spelling of the registry's",
                strings(json!({ "type": "string", "minLength": 1 })),
            ),
            "actions": about(
                "What may be done with them",
                strings(json!({ "enum": Action::ALL.map(Action::as_str) })),
            ),
            "match": about(
                "Conditions on claims, all of which must hold; the pins of the issuer's kind are among them",
                json!({ "$ref": "#/$defs/conditions" }),
            ),
            "mode": about(
                "In audit mode it grants nothing, and events say what it would have granted",
                json!({ "enum": [Mode::Enforce.as_str(), Mode::Audit.as_str()], "default": Mode::Enforce.as_str() }),
            ),
            "enabled": about(
                "If not, it is checked, and is then as if it were not there",
                json!({ "type": "boolean", "default": true }),
            ),
            // A date of TOML, which JSON has no type for.
            "expires": about("From this instant it matches nothing, and the tokens that it contributed to end", json!({})),
            "limits": about("Of several policies that match, the strictest limit counts", object(&[], json!({
                "token_ttl": about("The longest lifetime of a token", json!({ "type": "string" })),
                "tokens_per_run": about(
                    "How many tokens one run may mint with its help",
                    json!({ "type": "integer", "minimum": 1 }),
                ),
                "packages_per_token": about(
                    "How many packages a token may be for",
                    json!({ "type": "integer", "minimum": 1 }),
                ),
            }))),
            "deny": about(
                "If all conditions of one of these hold, it grants nothing",
                json!({ "type": "array", "items": { "$ref": "#/$defs/conditions" } }),
            ),
            "test": about(
                "What it is for, run by `trustmint policy test`",
                json!({ "type": "array", "items": { "$ref": "#/$defs/test" } }),
            ),
            "accept": about(
                "Warnings about it that someone has looked at: code and reason",
                json!({ "type": "object", "additionalProperties": { "type": "string", "minLength": 1 } }),
            ),
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
            "issuer": about("Identities of this issuer only", names(vocabulary.map(issuers))),
            "registry": about("Packages of this registry only", names(vocabulary.map(registries))),
            "packages": about("These packages only", strings(json!({ "type": "string", "minLength": 1 }))),
            "match": about(
                "Identities for which all of these hold only",
                json!({ "$ref": "#/$defs/conditions", "minProperties": 1 }),
            ),
        }),
    );
    deny["minProperties"] = json!(1);
    deny
}

fn test() -> Value {
    object(
        &["name", "expect"],
        json!({
            "name": about("What it shows", json!({ "type": "string" })),
            "claims": about(
                "Laid over the claims of an identity that the policy matches",
                json!({ "type": "object" }),
            ),
            "absent": about("Claims that are taken away from it", strings(json!({ "type": "string" }))),
            "expect": about(
                "Whether it gets all that the policy lists, or nothing of it",
                json!({ "enum": ["allow", "deny"] }),
            ),
            "reason": about(
                "Of the denial, if it matters",
                json!({ "enum": Reason::ALL.map(Reason::as_str) }),
            ),
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
    if !kind.allows_any_claim {
        let derived = kind.derived().map(|(name, _)| name);
        let names = kind.signed().chain(derived).filter(|name| kind.unmatchable(name).is_none());
        let condition = || json!({ "$ref": "#/$defs/condition" });
        let prefixes = kind.claim_prefixes.iter().map(|prefix| (format!("^{prefix}"), condition()));
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

/// What editors show beside a key, and the reference.
fn about(description: &str, mut schema: Value) -> Value {
    schema["description"] = json!(description);
    schema
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
