//! `policy.md`: what the reader takes, and what the JSON Schema says about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::{cell, check};
use crate::policy::load_documents;
use crate::policy::tools::schema::schema;
use crate::settings::Config;
use crate::toml_reader::{Source, asked};

const CONFIGURATION: &str = r#"
public_url = "https://publish.example.com"
listen = { public = "127.0.0.1:0" }
policies = { path = "policies" }
[issuers.github]
kind = "github"
[registries.pypi]
kind = "pypi"
hosts = ["pypi.example.com"]
"#;

/// Every table there is. Whether the values are right does not matter here.
const EVERYTHING: &str = r#"
[[policy]]
packages = []
actions = []
[policy.match]
[policy.limits]
[policy.accept]
[[policy.deny]]
[[policy.test]]
[[deny]]
"#;

/// The tables: header, where its keys are in the schema, what stands above them.
const TABLES: [(&str, &str, &str); 4] = [
    ("[[policy]]", "/$defs/policy", "Who may do what."),
    ("[policy.limits]", "/$defs/policy/properties/limits", "How far."),
    ("[[policy.test]]", "/$defs/test", "What `trustmint policy test` tries."),
    (
        "[[deny]]",
        "/$defs/deny",
        "Takes packages away from whatever policies grant. At least one key is there, and all that are there hold.",
    ),
];

fn taken() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Config::read(&Source::new("configuration", CONFIGURATION), folder).expect("a configuration");
    asked::take();
    assert!(load_documents(&[Source::new("everything", EVERYTHING)], &config.vocabulary()).is_err());
    asked::take()
}

fn at<'s>(schema: &'s Value, pointer: &str) -> &'s serde_json::Map<String, Value> {
    schema.pointer(&format!("{pointer}/properties")).and_then(Value::as_object).expect("properties")
}

fn path(header: &str) -> &str {
    header.trim_matches(['[', ']'])
}

#[test]
fn schema_lists_exactly_the_policy_keys() {
    let schema = schema(None);
    let keys = TABLES.iter().flat_map(|(header, pointer, _)| {
        at(&schema, pointer).keys().map(|key| format!("{}.{key}", path(header)))
    });
    let known: BTreeSet<_> = keys.chain(at(&schema, "").keys().cloned()).collect();
    let taken: BTreeSet<_> = taken().into_keys().collect();
    assert_eq!(known, taken);
}

#[test]
fn policy() {
    let (schema, taken) = (schema(None), taken());
    let mut text = "# Policy files\n\n<!-- Written by the code: src/policy/schema.rs. -->\n\n\
        TOML files below the folder that `[policies] path` names, with any number of tables each; \
        [what they mean](../policies.md). Editors that know JSON Schema complete and check them: \
        `trustmint policy schema`. A key that is not here is an error.\n\n"
        .to_owned();
    for (header, pointer, meaning) in TABLES {
        let _ = write!(text, "## `{header}`\n\n{meaning}\n\n| key | type | default | |\n|---|---|---|---|\n");
        for (key, property) in at(&schema, pointer) {
            let form = match taken[&format!("{}.{key}", path(header))].as_str() {
                "" if property["type"] == "object" => "table",
                form => form,
            };
            let required = schema.pointer(&format!("{pointer}/required")).and_then(Value::as_array);
            let default = match property.get("default") {
                Some(default) => format!("`{default}`"),
                None if required.is_some_and(|required| required.contains(&key.as_str().into())) => {
                    "required".to_owned()
                }
                None => "none".to_owned(),
            };
            let description = property["description"].as_str().expect("a description");
            let values = values(property).map_or(String::new(), |values| format!(": {values}"));
            let _ =
                writeln!(text, "| `{key}` | {} | {default} | {}{values} |", cell(form), cell(description));
        }
        text.push('\n');
    }
    text.push_str(
        "## Conditions\n\n`match` and each `[[policy.deny]]` name claims, and for each what it must be: a string \
         (the whole value), `true` or `false`, a list of these (any of them), or a table with one operator:\n\n\
         | operator | operand | holds if |\n|---|---|---|\n",
    );
    let patterns = schema.pointer("/$defs/pattern/anyOf").and_then(Value::as_array).expect("patterns");
    for pattern in patterns.iter().filter(|pattern| pattern["type"] == "object") {
        let operator = pattern["required"][0].as_str().expect("an operator");
        let operand = pattern["properties"][operator]["type"].as_str().expect("a type");
        let holds = match operator {
            "glob" => {
                "the whole value fits: `*` is one or more characters other than `/`, `:` and `@`; `**` crosses `/`"
            }
            "prefix" => "the value begins so, and goes on",
            "contains" => "the claim is a list with this text in it",
            "present" => "the claim is there, or is not",
            other => panic!("say what `{other}` does"),
        };
        let _ = writeln!(text, "| `{operator}` | {operand} | {holds} |");
    }
    check("policy.md", &text);
}

/// What a key can be, where that is a list of words.
fn values(property: &Value) -> Option<String> {
    let words = property.get("enum").or_else(|| property.pointer("/anyOf/0/enum"))?.as_array()?;
    // The reasons have a page of their own.
    if words.len() > 10 {
        return Some("[the codes](errors.md)".to_owned());
    }
    let words: Vec<_> = words.iter().map(|word| format!("`{}`", word.as_str().unwrap_or_default())).collect();
    Some(words.join(", "))
}
