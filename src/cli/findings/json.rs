//! Findings as one JSON object. Members may be added; none changes its meaning.

use serde_json::{Value, json};

use super::paths::relative;
use crate::toml_reader::{Diagnostic, Diagnostics};

pub(super) fn render(findings: &Diagnostics) -> Value {
    json!({
        "errors": findings.errors(),
        "warnings": findings.warnings(),
        "accepted": findings.accepted(),
        "left_out": findings.left_out(),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn finding(item: &Diagnostic) -> Value {
    let mut value = json!({
        "code": item.code.as_str(),
        "name": item.code.name(),
        "severity": item.severity().as_str(),
        "message": item.message,
    });
    let mut set = |key: &str, member: Value| value[key] = member;
    if let Some(help) = &item.help {
        set("help", json!(help));
    }
    if let Some(position) = &item.position {
        set("file", json!(relative(&position.file)));
        set("line", json!(position.line));
        set("column", json!(position.column));
        set("end_column", json!(position.column + position.width));
    }
    if let Some(reason) = &item.accepted {
        set("accepted", json!(reason));
    }
    value
}
