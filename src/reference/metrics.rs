//! `metrics.md`: what `/metrics` has, with the labels that its series carry.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{cell, check};
use crate::metrics::{Metrics, Reload};

/// Returns an exposition in which each metric has a series.
fn exposition() -> (String, usize) {
    let metrics = Metrics::default();
    let name: Arc<str> = "x".into();
    metrics.exchange(Some(&name), Some(&name), "x");
    metrics.introspection(&name, "x");
    metrics.explanation(&name, "x");
    metrics.revocation();
    metrics.signature_check(&name);
    metrics.request("x", 200);
    metrics.issuer_keys(&name, 1, Some(1), [("x", 1)]);
    metrics.leak_report(&name, "x");
    metrics.leak(&name, Some(&name), "x");
    metrics.reporter_keys(&name, 1, Some(1), [("x", 1)]);
    metrics.webhook(&name, "x");
    metrics.reload(Reload::Loaded);
    metrics.snapshot("x", 1, 1);
    (metrics.render(0), metrics.declared())
}

#[test]
fn metrics() {
    let (exposition, declared) = exposition();
    let mut text = "# Metrics\n\n<!-- Written by the code: src/metrics. -->\n\n\
        `/metrics` at the ops listener, in OpenMetrics. Labels come from the configuration and from constants, never \
        from a token; `unknown` stands for an issuer or registry that is not configured. [What to watch](../operations.md#metrics).\n\n\
        | metric | type | labels | |\n|---|---|---|---|\n"
        .to_owned();
    let mut types = BTreeMap::new();
    let mut helps = Vec::new();
    for line in exposition.lines() {
        let words = |prefix: &str| line.strip_prefix(prefix).and_then(|rest| rest.split_once(' '));
        if let Some((name, kind)) = words("# TYPE ") {
            types.insert(name.to_owned(), kind.to_owned());
        } else if let Some((name, help)) = words("# HELP ") {
            helps.push((name.to_owned(), help.to_owned()));
        }
    }
    // A family without a series is not in the exposition.
    assert_eq!(helps.len(), declared, "`exposition` must give each metric a series: {exposition}");
    for (name, help) in helps {
        let kind = &types[&name];
        let series = if kind == "counter" { format!("{name}_total") } else { name.clone() };
        let sample = exposition
            .lines()
            .find(|line| line.strip_prefix(&series).is_some_and(|rest| rest.starts_with(['{', ' '])))
            .unwrap_or_else(|| panic!("`exposition` has no series of `{series}`"));
        let labels = sample
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'))
            .map_or("", |(labels, _)| labels);
        let labels: Vec<_> = labels
            .split(',')
            .filter_map(|label| label.split_once('='))
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let _ = writeln!(text, "| `{series}` | {kind} | {} | {} |", labels.join(", "), cell(&help));
    }
    check("metrics.md", &text);
}
