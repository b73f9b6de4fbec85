//! Decisions without a server: policies as text, claims as JSON.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use trustmint::denial::Denial;
use trustmint::identity::{Claims, Identity};
use trustmint::policy::tools::explain::{CallersView, Explanation, explain, explain_to_caller};
use trustmint::policy::{AuditModeResult, Grant, Snapshot, decide, evaluate_audit_mode, load_documents};
use trustmint::registry::Registry;
use trustmint::settings::Config;
use trustmint::token::Scope;
use trustmint::toml_reader::Source;

/// When decisions are made, in seconds since the epoch: 1 September 2026.
pub const NOW: u64 = 1_788_220_800;

/// One issuer of kind `github`, one registry of kind `pypi`.
pub struct House {
    pub config: Config,
}

const CONFIGURATION: &str = r#"
public_url = "https://publish.example.com"
listen = { public = "127.0.0.1:0" }
policies = { path = "." }
issuers = { github = { kind = "github" } }

[registries.pypi]
kind = "pypi"
audiences = ["pypi.example.com"]
token_ttl = "2h"
"#;

impl Default for House {
    fn default() -> Self {
        let source = Source::new("trustmint.toml", CONFIGURATION);
        let config = Config::read(&source, Path::new(".")).unwrap_or_else(|findings| panic!("{findings}"));
        Self { config }
    }
}

impl House {
    /// The policies of several files, by name and text.
    pub fn files(&self, files: &[(&str, &str)]) -> Snapshot {
        let sources: Vec<_> = files.iter().map(|(name, text)| Source::new(*name, *text)).collect();
        load_documents(&sources, &self.config.vocabulary()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The policies of one file.
    pub fn policies(&self, text: &str) -> Snapshot {
        self.files(&[("policies.toml", text)])
    }

    /// An identity with these claims.
    pub fn identity(&self, claims: &Value) -> Identity {
        let issuer = self.config.issuers.by_id("github").expect("configured");
        let payload = claims.to_string();
        let claims = Claims::parse(payload.as_bytes()).expect("claims");
        Identity::new(&issuer.settings, claims, payload.into()).expect("an identity")
    }

    /// The decision, now.
    pub fn decide(&self, snapshot: &Snapshot, claims: &Value, wanted: Option<&str>) -> Result<Grant, Denial> {
        self.decide_at(NOW, snapshot, claims, wanted).0
    }

    /// The decision at an instant, and what policies in audit mode would have changed about it.
    pub fn decide_at(
        &self,
        now: u64,
        snapshot: &Snapshot,
        claims: &Value,
        wanted: Option<&str>,
    ) -> (Result<Grant, Denial>, Option<AuditModeResult>) {
        let (registry, wanted) = (self.registry(), self.scope(wanted));
        let (identity, wanted) = (self.identity(claims), wanted.as_ref().into());
        let decided = decide(snapshot, &identity, &registry, wanted, now);
        let rehearsal = evaluate_audit_mode(snapshot, &identity, &registry, wanted, now, &decided);
        (decided, rehearsal)
    }

    /// The decision explained to an operator, now.
    pub fn explain(&self, snapshot: &Snapshot, claims: &Value, wanted: Option<&str>) -> Explanation {
        let (identity, wanted) = (self.identity(claims), self.scope(wanted));
        explain(snapshot, &identity, &self.registry(), wanted.as_ref().into(), NOW)
    }

    /// The decision explained to the caller, now.
    pub fn explain_to_caller(
        &self,
        snapshot: &Snapshot,
        claims: &Value,
        wanted: Option<&str>,
    ) -> CallersView {
        let (identity, wanted) = (self.identity(claims), self.scope(wanted));
        explain_to_caller(snapshot, &identity, &self.registry(), wanted.as_ref().into(), NOW)
    }

    fn registry(&self) -> Arc<Registry> {
        Arc::clone(self.config.registries.by_id("pypi").expect("configured"))
    }

    fn scope(&self, wanted: Option<&str>) -> Option<Scope> {
        wanted.map(|text| Scope::parse(self.registry().kind, text).expect("a scope"))
    }
}
