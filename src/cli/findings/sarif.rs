//! Findings as SARIF 2.1.0 (OASIS), which code scanning reads.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::paths::relative;
use crate::toml_reader::{Code, Diagnostic, Diagnostics, Position, Severity};

/// The documentation of every code, of which each rule shows its part.
const DOCUMENTATION: &str = include_str!("../../../docs/lint.md");

/// What must be escaped in a path that is a URI reference.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn render(findings: &Diagnostics) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "trustmint",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": Code::ALL.iter().copied().map(rule).collect::<Vec<_>>(),
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn rule(code: Code) -> Value {
    let help = paragraph(code);
    json!({
        "id": code.as_str(),
        "name": code.name(),
        "shortDescription": { "text": code.summary() },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(code.severity()) },
    })
}

/// What the documentation says about a code, without its heading.
fn paragraph(code: Code) -> &'static str {
    let heading = format!("\n### {code} ");
    let section = DOCUMENTATION.split_once(&heading).map_or("", |(_, rest)| rest);
    let end = section.find("\n##").unwrap_or(section.len());
    section[..end].split_once('\n').map_or("", |(_, body)| body.trim())
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn result(item: &Diagnostic) -> Value {
    let message = match &item.help {
        Some(help) => format!("{}. Help: {help}", item.message),
        None => item.message.clone(),
    };
    let mut result = json!({
        "ruleId": item.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == item.code),
        "level": level(item.severity()),
        "message": { "text": message },
        "locations": item.position.iter().map(location).collect::<Vec<_>>(),
    });
    if let Some(reason) = &item.accepted {
        result["suppressions"] = json!([{ "kind": "inSource", "justification": reason }]);
    }
    result
}

fn location(position: &Position) -> Value {
    let path = relative(&position.file);
    let encoded = utf8_percent_encode(&path, PATH);
    let uri = if path.starts_with('/') { format!("file://{encoded}") } else { encoded.to_string() };
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri },
            "region": {
                "startLine": position.line,
                "startColumn": position.column,
                "endColumn": position.column + position.width,
            },
        },
    })
}
