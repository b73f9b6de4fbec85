//! Every bound has a default and a name in `[limits]`.

use std::time::Duration;

use crate::identity::MAX_TOKEN_BYTES;
use crate::store::TombstoneRetention;
use crate::toml_reader::Section;

/// The bounds of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest ID token, in bytes.
    pub id_token_bytes: usize,
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// The largest request head, in bytes.
    pub head_bytes: usize,
    /// The most header lines of a request.
    pub headers: usize,
    /// Requests a second for each client network (IPv4 address, IPv6 /64).
    pub requests_per_second: u32,
    /// Requests that a client network may send at once.
    pub request_burst: u32,
    /// Introspections, and auth subrequests of proxies, a second for each registry client.
    pub introspections_per_second: u32,
    /// Introspections and auth subrequests that a registry client may send at once.
    pub introspection_burst: u32,
    /// How many packages one ID token may be spent on, where a protocol asks once for each package.
    pub packages_per_id_token: u32,
    /// How often each replica explains one ID token.
    pub explanations_per_id_token: u32,
    /// Open connections at each listener; more wait in the kernel's queue.
    pub connections: usize,
    /// From the first byte of a request to the end of its head.
    pub header_timeout: Duration,
    /// From accepting a connection to the end of its first request's head, TLS included.
    pub first_request_timeout: Duration,
    /// From the end of a request's head to the answer.
    pub request_timeout: Duration,
    /// How long a connection may be idle between requests.
    pub idle_timeout: Duration,
    /// How long running requests may take once a stop was asked for.
    pub drain_timeout: Duration,
    /// How long the store may take in all, repetitions included; must leave room to answer within two seconds.
    pub store_timeout: Duration,
    /// Events that wait to be written; a full queue refuses mints.
    pub audit_queue: usize,
    /// How long after a token's end it is remembered that it was minted.
    pub tombstone_ttl: Duration,
    /// How many tombstones there are at most, of less than 100 bytes each.
    pub tombstones: u64,
    /// The largest leak report, in bytes; four of this size may be read at the same time.
    pub report_bytes: usize,
    /// The most records of a leak report.
    pub report_records: usize,
    /// From the end of a report's head to the answer.
    pub report_timeout: Duration,
    /// Reports of holders a second for each client network.
    pub holder_reports_per_second: u32,
    /// Reports of holders that a client network may send at once.
    pub holder_report_burst: u32,
    /// Messages for webhooks that wait to be delivered.
    pub notices: u64,
}

impl Limits {
    /// How long the store may take for each part of a leak report: there is time for a second part.
    pub fn report_patience(&self) -> Duration {
        self.report_timeout / 3
    }

    /// How tombstones are kept.
    pub fn tombstone_retention(&self) -> TombstoneRetention {
        TombstoneRetention { ttl: self.tombstone_ttl.as_secs(), most: self.tombstones }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            id_token_bytes: 16_384,
            body_bytes: 65_536,
            head_bytes: 16_384,
            headers: 64,
            requests_per_second: 50,
            request_burst: 100,
            introspections_per_second: 5_000,
            introspection_burst: 10_000,
            packages_per_id_token: 100,
            explanations_per_id_token: 10,
            connections: 4_096,
            header_timeout: Duration::from_secs(5),
            first_request_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(20),
            store_timeout: Duration::from_millis(1_500),
            audit_queue: 8_192,
            tombstone_ttl: Duration::from_secs(30 * 86_400),
            tombstones: 10_000_000,
            report_bytes: 8 << 20,
            report_records: 10_000,
            report_timeout: Duration::from_secs(25),
            holder_reports_per_second: 1,
            holder_report_burst: 10,
            notices: 20_000,
        }
    }
}

pub(super) fn read(root: &Section<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(section) = root.section("limits") else { return limits };

    let size = |key, least, most: u64, default: usize| {
        section.number(key, least..most + 1).and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
    };
    let count = |key, most: u64, default: u32| {
        section.number(key, 1..most + 1).and_then(|n| u32::try_from(n).ok()).unwrap_or(default)
    };
    let time =
        |key, least, most: u64, default: Duration| section.millis(key, least..most + 1).unwrap_or(default);

    limits.id_token_bytes = size("id_token_bytes", 1_024, MAX_TOKEN_BYTES, limits.id_token_bytes);
    limits.body_bytes = size("body_bytes", 4_096, 16 << 20, limits.body_bytes);
    // hyper's least buffer has 8 KiB.
    limits.head_bytes = size("head_bytes", 8_192, 1 << 20, limits.head_bytes);
    limits.headers = size("headers", 1, 1_000, limits.headers);
    limits.requests_per_second = count("requests_per_second", 1_000_000, limits.requests_per_second);
    limits.request_burst = count("request_burst", 1_000_000, limits.request_burst);
    limits.introspections_per_second =
        count("introspections_per_second", 1_000_000, limits.introspections_per_second);
    limits.introspection_burst = count("introspection_burst", 1_000_000, limits.introspection_burst);
    limits.packages_per_id_token = count("packages_per_id_token", 10_000, limits.packages_per_id_token);
    limits.explanations_per_id_token =
        count("explanations_per_id_token", 1_000, limits.explanations_per_id_token);
    limits.connections = size("connections", 1, 1 << 20, limits.connections);
    limits.header_timeout = time("header_timeout", 100, 600_000, limits.header_timeout);
    limits.first_request_timeout = time("first_request_timeout", 100, 600_000, limits.first_request_timeout);
    limits.request_timeout = time("request_timeout", 100, 600_000, limits.request_timeout);
    limits.idle_timeout = time("idle_timeout", 100, 3_600_000, limits.idle_timeout);
    limits.drain_timeout = time("drain_timeout", 100, 3_600_000, limits.drain_timeout);
    limits.store_timeout = time("store_timeout", 50, 1_900, limits.store_timeout);
    limits.audit_queue = size("audit_queue", 1, 1 << 20, limits.audit_queue);
    limits.tombstone_ttl = time("tombstone_ttl", 3_600_000, 366 * 86_400_000, limits.tombstone_ttl);
    limits.tombstones = section.number("tombstones", 1..(1 << 40) + 1).unwrap_or(limits.tombstones);
    limits.report_bytes = size("report_bytes", 4_096, 64 << 20, limits.report_bytes);
    limits.report_records = size("report_records", 1, 100_000, limits.report_records);
    limits.report_timeout = time("report_timeout", 100, 600_000, limits.report_timeout);
    limits.holder_reports_per_second =
        count("holder_reports_per_second", 1_000_000, limits.holder_reports_per_second);
    limits.holder_report_burst = count("holder_report_burst", 1_000_000, limits.holder_report_burst);
    limits.notices = section.number("notices", 1..1_000_001).unwrap_or(limits.notices);
    section.finish();
    limits
}
