//! Prometheus metrics. Labels come from the configuration and from our own constants, never from a
//! token, a header or a path.

mod gauge;
mod key_metrics;

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::gauge::gauge;
use crate::metrics::key_metrics::KeyMetrics;

/// The label of what is not configured.
const UNKNOWN: &str = "unknown";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExchangeLabels {
    registry: Arc<str>,
    issuer: Arc<str>,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IssuerLabels {
    issuer: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    registry: Arc<str>,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SnapshotLabels {
    digest: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReportLabels {
    reporter: Arc<str>,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeakLabels {
    reporter: Arc<str>,
    registry: Arc<str>,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    webhook: Arc<str>,
    outcome: &'static str,
}

/// What came of reading the policies anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// There is another snapshot.
    Loaded,
    /// They decide as before.
    Unchanged,
    /// They are wrong, and the last good ones stay.
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    unknown: Arc<str>,
    exchanges: Family<ExchangeLabels, Counter>,
    introspections: Family<AnswerLabels, Counter>,
    explanations: Family<AnswerLabels, Counter>,
    revocations: Counter,
    leak_reports: Family<ReportLabels, Counter>,
    leaks: Family<LeakLabels, Counter>,
    reporter_keys: KeyMetrics,
    webhooks: Family<WebhookLabels, Counter>,
    notices_waiting: Gauge,
    notices_refused: Counter,
    signature_checks: Family<IssuerLabels, Counter>,
    issuer_keys: KeyMetrics,
    requests: Family<RequestLabels, Counter>,
    connections: Gauge,
    audit_waiting: Gauge,
    policies: Gauge,
    snapshot: Family<SnapshotLabels, Gauge>,
    reloads: Family<ReloadLabels, Counter>,
    refused: Gauge,
    loaded_at: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("trustmint"),
            unknown: UNKNOWN.into(),
            exchanges: Family::default(),
            introspections: Family::default(),
            explanations: Family::default(),
            revocations: Counter::default(),
            leak_reports: Family::default(),
            leaks: Family::default(),
            reporter_keys: KeyMetrics::new("reporter"),
            webhooks: Family::default(),
            notices_waiting: Gauge::default(),
            notices_refused: Counter::default(),
            signature_checks: Family::default(),
            issuer_keys: KeyMetrics::new("issuer"),
            requests: Family::default(),
            connections: Gauge::default(),
            audit_waiting: Gauge::default(),
            policies: Gauge::default(),
            snapshot: Family::default(),
            reloads: Family::default(),
            refused: Gauge::default(),
            loaded_at: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("exchanges", "ID tokens presented, by outcome", metrics.exchanges.clone());
        registry.register(
            "introspections",
            "Tokens that registries asked about",
            metrics.introspections.clone(),
        );
        registry.register("explanations", "ID tokens explained, by outcome", metrics.explanations.clone());
        registry.register("revocations", "Live tokens revoked by their holders", metrics.revocations.clone());
        registry.register(
            "leak_reports",
            "Reports of leaked tokens, by outcome",
            metrics.leak_reports.clone(),
        );
        registry.register("leaked_tokens", "Tokens in reports, by what they were", metrics.leaks.clone());
        metrics.reporter_keys.register(registry);
        registry.register(
            "webhook_deliveries",
            "Attempts to deliver messages, by outcome",
            metrics.webhooks.clone(),
        );
        registry.register(
            "notices_waiting",
            "Messages that wait to be delivered, as the store counts them",
            metrics.notices_waiting.clone(),
        );
        registry.register(
            "notices_refused",
            "Messages that found no room within `limits.notices`",
            metrics.notices_refused.clone(),
        );
        registry.register(
            "signature_checks",
            "Signatures that were checked",
            metrics.signature_checks.clone(),
        );
        metrics.issuer_keys.register(registry);
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register(
            "audit_waiting",
            "Audit events that wait to be written",
            metrics.audit_waiting.clone(),
        );
        registry.register("policies", "Policies in the active snapshot", metrics.policies.clone());
        registry.register("snapshot", "The active snapshot", metrics.snapshot.clone());
        registry.register(
            "policy_reloads",
            "Policies read anew, by result: loaded, unchanged or refused",
            metrics.reloads.clone(),
        );
        registry.register(
            "policies_refused",
            "Whether the newest policy files are wrong and the last good ones serve",
            metrics.refused.clone(),
        );
        registry.register_with_unit(
            "policies_loaded_timestamp",
            "When the active policies were read",
            Unit::Seconds,
            metrics.loaded_at.clone(),
        );
        metrics
    }
}

impl Metrics {
    /// Counts an exchange.
    pub fn exchange(&self, registry: Option<&Arc<str>>, issuer: Option<&Arc<str>>, outcome: &'static str) {
        let known = |label: Option<&Arc<str>>| Arc::clone(label.unwrap_or(&self.unknown));
        self.exchanges
            .get_or_create(&ExchangeLabels { registry: known(registry), issuer: known(issuer), outcome })
            .inc();
    }

    /// Counts an introspection.
    pub fn introspection(&self, registry: &Arc<str>, outcome: &'static str) {
        self.introspections.get_or_create(&AnswerLabels { registry: Arc::clone(registry), outcome }).inc();
    }

    /// Counts an explanation.
    pub fn explanation(&self, registry: &Arc<str>, outcome: &'static str) {
        self.explanations.get_or_create(&AnswerLabels { registry: Arc::clone(registry), outcome }).inc();
    }

    /// Counts a revocation.
    pub fn revocation(&self) {
        self.revocations.inc();
    }

    /// Counts a report.
    pub fn leak_report(&self, reporter: &Arc<str>, outcome: &'static str) {
        self.leak_reports.get_or_create(&ReportLabels { reporter: Arc::clone(reporter), outcome }).inc();
    }

    /// Counts a token of a report; the registry is that of its prefix.
    pub fn leak(&self, reporter: &Arc<str>, registry: Option<&Arc<str>>, state: &'static str) {
        let registry = Arc::clone(registry.unwrap_or(&self.unknown));
        let reporter = Arc::clone(reporter);
        self.leaks.get_or_create(&LeakLabels { reporter, registry, state }).inc();
    }

    /// Shows the state of a reporter's keys; see [`Metrics::issuer_keys`].
    pub fn reporter_keys(
        &self,
        reporter: &Arc<str>,
        usable: usize,
        age: Option<u64>,
        fetches: impl IntoIterator<Item = (&'static str, u64)>,
    ) {
        self.reporter_keys.show(reporter, usable, age, fetches);
    }

    /// Counts an attempt to deliver a message.
    pub fn webhook(&self, webhook: &Arc<str>, outcome: &'static str) {
        self.webhooks.get_or_create(&WebhookLabels { webhook: Arc::clone(webhook), outcome }).inc();
    }

    /// Shows how many messages wait.
    pub fn notices_waiting(&self, waiting: u64) {
        self.notices_waiting.set(gauge(waiting));
    }

    /// Counts messages that found no room.
    pub fn notices_refused(&self, refused: u64) {
        self.notices_refused.inc_by(refused);
    }

    /// Counts a signature check.
    pub fn signature_check(&self, issuer: &Arc<str>) {
        self.signature_checks.get_or_create(&IssuerLabels { issuer: Arc::clone(issuer) }).inc();
    }

    /// Counts a request.
    pub fn request(&self, route: &'static str, status: u16) {
        self.requests.get_or_create(&RequestLabels { route, status }).inc();
    }

    /// Shows the state of an issuer's keys: how many serve, their age in seconds, and how many fetches
    /// ended how.
    pub fn issuer_keys(
        &self,
        issuer: &Arc<str>,
        usable: usize,
        age: Option<u64>,
        fetches: impl IntoIterator<Item = (&'static str, u64)>,
    ) {
        self.issuer_keys.show(issuer, usable, age, fetches);
    }

    /// The gauge of open connections.
    pub fn connections(&self) -> &Gauge {
        &self.connections
    }

    /// Counts a reload.
    pub fn reload(&self, reload: Reload) {
        let result = match reload {
            Reload::Loaded => "loaded",
            Reload::Unchanged => "unchanged",
            Reload::Refused => "refused",
        };
        self.reloads.get_or_create(&ReloadLabels { result }).inc();
        self.refused.set(i64::from(reload == Reload::Refused));
    }

    /// Shows the active snapshot, read at an instant in seconds since the epoch.
    pub fn snapshot(&self, digest: &str, policies: usize, at: u64) {
        self.snapshot.clear();
        self.snapshot.get_or_create(&SnapshotLabels { digest: digest.to_owned() }).set(1);
        self.policies.set(gauge(policies));
        self.loaded_at.set(gauge(at));
    }

    /// The exposition text (OpenMetrics).
    pub fn render(&self, audit_waiting: usize) -> String {
        self.audit_waiting.set(gauge(audit_waiting));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
