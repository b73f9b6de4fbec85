//! Reports for people.

use std::time::Duration;

use super::finding::{Finding, Severity};
use super::report::{Outcome, Report, ReportedKey};
use super::say;
use super::shown::Shown;

/// Prints reports, with an empty line between them.
pub(super) fn print(reports: &[Report]) {
    for (place, report) in reports.iter().enumerate() {
        if place > 0 {
            say!();
        }
        print_one(report);
    }
}

fn print_one(report: &Report) {
    say!("{}: {}", report.id, conclusion(report));
    line("issuer", &report.url);
    line("kind", report.kind);
    line("pins", &report.pins.join(", "));
    if report.discovery != "unused" {
        line("discovery", report.discovery);
    }
    if let Some(keys_at) = &report.keys_at {
        line("keys", keys_at.as_str());
    }
    print_keys(&report.keys);
    if !report.algorithms_advertised.is_empty() {
        let advertised: Vec<_> = report.algorithms_advertised.iter().map(Shown::as_str).collect();
        line("advertised", &advertised.join(", "));
    }
    line("accepted", &report.algorithms_accepted.join(", "));
    print_ages(report);
    for finding in &report.findings {
        print_finding(finding);
    }
    if let Some(lines) = &report.lines {
        say!("\n  to configure it, write\n");
        lines.lines().for_each(|line| say!("    {line}"));
    }
}

fn conclusion(report: &Report) -> String {
    let warnings = report.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    match (report.outcome, warnings) {
        (Outcome::Unreachable, _) => "could not be reached".to_owned(),
        (Outcome::Finding, _) => "cannot work".to_owned(),
        (Outcome::Fine, 0) => "fine".to_owned(),
        (Outcome::Fine, 1) => "fine, with a warning".to_owned(),
        (Outcome::Fine, many) => format!("fine, with {many} warnings"),
    }
}

fn line(name: &str, value: &str) {
    say!("  {name:<11} {value}");
}

fn print_keys(keys: &[ReportedKey]) {
    let kid = |key: &ReportedKey| key.kid.as_ref().map_or("(no kid)", |kid| kid.as_str()).to_owned();
    let kids = keys.iter().map(|key| kid(key).chars().count()).max().unwrap_or(0);
    let forms = keys.iter().map(|key| key.form.as_str().chars().count()).max().unwrap_or(0);
    for key in keys {
        let verdict = match key.skipped {
            None => key.algorithms.join(", "),
            Some(why) => format!("skipped: {why}"),
        };
        let dates: String = key.dates.iter().map(|(name, date)| format!("; {name} {date}")).collect();
        let certificates = match key.certificates {
            0 => String::new(),
            count => format!("; x5c has {count}, not looked at"),
        };
        say!("              {:<kids$}  {:<forms$}  {verdict}{dates}{certificates}", kid(key), key.form);
    }
}

fn print_ages(report: &Report) {
    let Some(refresh) = report.refresh_after else { return };
    let shown = |seconds| humantime::format_duration(Duration::from_secs(seconds));
    let said = match report.cache_max_age {
        Some(age) => format!("the issuer says max-age={age}"),
        None => "the issuer does not say".to_owned(),
    };
    line("refreshed", &format!("every {} ({said})", shown(refresh)));
    if let Some(date) = &report.unchanged_since {
        line("unchanged", &format!("since {date}"));
    }
    if let Some(seconds) = report.cached_for {
        line("cached", &format!("for {} on the way", shown(seconds)));
    }
}

fn print_finding(finding: &Finding) {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    say!("  {severity:<11} {}: {}", finding.code, finding.message);
    if let Some(help) = &finding.help {
        say!("              help: {help}");
    }
}
