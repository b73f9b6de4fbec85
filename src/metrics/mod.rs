//! Prometheus metrics. Labels come from the configuration and from our own constants, never from a
//! token, a header or a path.

mod key_metrics;

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry, Unit};

use self::key_metrics::KeyMetrics;

/// The label value of an issuer or registry that is not configured.
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

/// The result of a policy reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// A new snapshot is active.
    Loaded,
    /// The files changed, but not what they decide.
    Unchanged,
    /// The files are invalid; the last good snapshot stays active.
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
    /// How many metrics are declared.
    #[cfg_attr(not(test), allow(dead_code, reason = "the generated reference checks it"))]
    declared: usize,
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
        let mut declare = Declarations::default();
        Self {
            unknown: UNKNOWN.into(),
            exchanges: declare.metric("exchanges", "ID tokens presented, by outcome"),
            introspections: declare.metric("introspections", "Introspections by registries, by outcome"),
            explanations: declare.metric("explanations", "ID tokens explained, by outcome"),
            revocations: declare.metric("revocations", "Live tokens revoked by their holders"),
            leak_reports: declare.metric("leak_reports", "Leak reports, by outcome"),
            leaks: declare.metric("leaked_tokens", "Tokens in leak reports, by state"),
            reporter_keys: KeyMetrics::declare(&mut declare, "reporter"),
            webhooks: declare.metric("webhook_deliveries", "Delivery attempts, by webhook and outcome"),
            notices_waiting: declare.metric("notices_waiting", "Messages in the outbox of the store"),
            notices_refused: declare
                .metric("notices_refused", "Messages rejected because of `limits.notices`"),
            signature_checks: declare.metric("signature_checks", "Signatures checked"),
            issuer_keys: KeyMetrics::declare(&mut declare, "issuer"),
            requests: declare.metric("http_requests", "Requests answered"),
            connections: declare.metric("connections", "Open connections"),
            audit_waiting: declare.metric("audit_waiting", "Events that wait to be written"),
            policies: declare.metric("policies", "Policies in the active snapshot"),
            snapshot: declare.metric("snapshot", "The active snapshot"),
            reloads: declare
                .metric("policy_reloads", "Policy reloads, by result: loaded, unchanged or refused"),
            refused: declare.metric(
                "policies_refused",
                "Whether the newest policy files are invalid and the last good ones are in force",
            ),
            loaded_at: declare
                .seconds("policies_loaded_timestamp", "When the active policies were loaded, as a Unix time"),
            declared: declare.count,
            registry: declare.registry,
        }
    }
}

/// The registry while metrics are declared.
struct Declarations {
    registry: Registry,
    count: usize,
}

impl Default for Declarations {
    fn default() -> Self {
        Self { registry: Registry::with_prefix("trustmint"), count: 0 }
    }
}

impl Declarations {
    /// Creates and registers a metric.
    fn metric<M: Metric + Clone + Default>(&mut self, name: impl Into<String>, help: impl Into<String>) -> M {
        let metric = M::default();
        self.registry.register(name, help, metric.clone());
        self.count += 1;
        metric
    }

    /// Creates and registers a metric whose unit is the second.
    fn seconds<M: Metric + Clone + Default>(
        &mut self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> M {
        let metric = M::default();
        self.registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
        self.count += 1;
        metric
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

    /// Counts a leak report.
    pub fn leak_report(&self, reporter: &Arc<str>, outcome: &'static str) {
        self.leak_reports.get_or_create(&ReportLabels { reporter: Arc::clone(reporter), outcome }).inc();
    }

    /// Counts a token of a leak report; the registry is that of its prefix.
    pub fn leak(&self, reporter: &Arc<str>, registry: Option<&Arc<str>>, state: &'static str) {
        let registry = Arc::clone(registry.unwrap_or(&self.unknown));
        let reporter = Arc::clone(reporter);
        self.leaks.get_or_create(&LeakLabels { reporter, registry, state }).inc();
    }

    /// Sets the state of a reporter's keys; see [`Metrics::issuer_keys`].
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

    /// Sets how many messages are in the outbox.
    pub fn notices_waiting(&self, waiting: u64) {
        self.notices_waiting.set(gauge(waiting));
    }

    /// Counts messages that were rejected because the outbox is full.
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

    /// Sets the state of an issuer's keys: how many are usable, their age in seconds, and the number of
    /// fetches by result.
    pub fn issuer_keys(
        &self,
        issuer: &Arc<str>,
        usable: usize,
        age: Option<u64>,
        fetches: impl IntoIterator<Item = (&'static str, u64)>,
    ) {
        self.issuer_keys.show(issuer, usable, age, fetches);
    }

    /// Returns the gauge of open connections.
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

    /// Sets the active snapshot and when it was loaded, in seconds since the epoch.
    pub fn snapshot(&self, digest: &str, policies: usize, at: u64) {
        self.snapshot.clear();
        self.snapshot.get_or_create(&SnapshotLabels { digest: digest.to_owned() }).set(1);
        self.policies.set(gauge(policies));
        self.loaded_at.set(gauge(at));
    }

    /// Returns the exposition text (OpenMetrics).
    pub fn render(&self, audit_waiting: usize) -> String {
        self.audit_waiting.set(gauge(audit_waiting));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Returns how many metrics are declared.
    #[cfg(test)]
    pub(crate) fn declared(&self) -> usize {
        self.declared
    }
}

/// Converts a count to the value of a gauge; one that is too large becomes the largest value.
fn gauge(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
