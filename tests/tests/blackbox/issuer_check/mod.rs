//! `trustmint issuer check`: what an operator learns about an issuer, and how it ends.

mod ending;
mod report;
mod risks;

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use trustmint_tests::broker::run;
use trustmint_tests::{Issuer, Setup};

/// An operator's folder, whose configuration is the usual one after `change`.
fn folder(issuer: &Issuer, change: impl FnOnce(&mut Setup)) -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let mut setup = Setup::new(issuer);
    change(&mut setup);
    setup.write(folder.path());
    folder
}

/// Exit code and what was said, with the issuer's address taken out.
fn check(folder: &Path, issuer: &Issuer, arguments: &[&str]) -> (i32, String) {
    let (code, said, complained) = run(folder, &[&["issuer", "check"], arguments].concat());
    (code, format!("{complained}{said}").replace(&issuer.url, "https://issuer"))
}

/// The report as JSON.
fn report(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, said, _) = run(folder, &[&["issuer", "check", "--format", "json"], arguments].concat());
    (code, serde_json::from_str(&said).expect("JSON"))
}

/// `code severity` of every finding about the first issuer.
fn findings(report: &Value) -> Vec<String> {
    let findings = report["issuers"][0]["findings"].as_array().expect("findings");
    let text = |finding: &Value, name: &str| finding[name].as_str().expect("text").to_owned();
    findings
        .iter()
        .map(|finding| format!("{} {}", text(finding, "code"), text(finding, "severity")))
        .collect()
}
