//! The bodies of reports, which are larger than others: read whole before they can be believed, and
//! within a budget of bytes that all of them share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use http_body_util::BodyExt as _;
use ipnet::IpNet;
use zeroize::Zeroizing;

use crate::denial::{Denial, Reason};
use crate::http::request::client_network::{Peer, client_network};
use crate::http::response::error_response::ErrorResponse;
use crate::settings::Limits;

/// How many of the largest reports may be read at the same time.
const AT_ONCE: usize = 4;

/// How reports are read.
#[derive(Clone, Debug)]
pub(in crate::http) struct ReportReader {
    shares: Arc<Mutex<Shares>>,
    trusted_proxies: Arc<[IpNet]>,
    bytes: usize,
    body_timeout: Duration,
    timeout: Duration,
    /// The most records of a report.
    pub(in crate::http) records: usize,
}

/// Who holds how much of the budget, in bytes.
#[derive(Debug, Default)]
struct Shares {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A body, and its share of the budget.
pub(in crate::http) struct ReportBody {
    pub(in crate::http) body: Zeroizing<Vec<u8>>,
    network: IpAddr,
    held: usize,
    shares: Arc<Mutex<Shares>>,
}

impl ReportReader {
    pub(in crate::http) fn new(limits: &Limits, trusted_proxies: &[IpNet]) -> Self {
        Self {
            shares: Arc::default(),
            trusted_proxies: trusted_proxies.into(),
            bytes: limits.report_bytes,
            body_timeout: limits.request_timeout,
            timeout: limits.report_timeout,
            records: limits.report_records,
        }
    }

    /// Waits for what a report causes, for a time.
    pub(in crate::http) async fn with_deadline<T>(
        &self,
        work: impl Future<Output = Result<T, Denial>>,
    ) -> Result<T, Denial> {
        tokio::time::timeout(self.timeout, work).await.unwrap_or_else(|_| {
            Err(Denial::new(Reason::StoreUnavailable, "this takes longer than it should; report it again"))
        })
    }

    /// Reads a body. Anyone who sends slowly holds no more of the budget than was sent, and no network
    /// more than one report may have: published key ids are all it takes to be read.
    pub(in crate::http) async fn read(&self, parts: &Parts, body: Body) -> Result<ReportBody, ErrorResponse> {
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(Peer(None));
        let network = client_network(peer, &parts.headers, &self.trusted_proxies);
        let report =
            ReportBody { body: Zeroizing::default(), network, held: 0, shares: Arc::clone(&self.shares) };
        let read = tokio::time::timeout(self.body_timeout, self.read_all(report, body)).await;
        read.unwrap_or_else(|_| {
            Err(ErrorResponse::malformed("the report took too long").with_status(StatusCode::REQUEST_TIMEOUT))
        })
    }

    async fn read_all(&self, mut report: ReportBody, mut body: Body) -> Result<ReportBody, ErrorResponse> {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ErrorResponse::malformed("the body could not be read"))?;
            let Ok(data) = frame.into_data() else { continue };
            if report.body.len() + data.len() > self.bytes {
                return Err(ErrorResponse::malformed(format!(
                    "the report has more than {} bytes",
                    self.bytes
                ))
                .with_status(StatusCode::PAYLOAD_TOO_LARGE));
            }
            report.hold(data.len(), self.bytes)?;
            report.body.extend_from_slice(&data);
        }
        Ok(report)
    }
}

impl ReportBody {
    fn hold(&mut self, more: usize, most: usize) -> Result<(), Denial> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let of_network = shares.by_network.get(&self.network).copied().unwrap_or(0);
        if shares.all + more > most * AT_ONCE || of_network + more > most {
            return Err(Denial::new(Reason::Overloaded, "too many reports are being read at the moment"));
        }
        shares.all += more;
        shares.by_network.insert(self.network, of_network + more);
        self.held += more;
        Ok(())
    }
}

impl Drop for ReportBody {
    fn drop(&mut self) {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.all -= self.held;
        let left = shares.by_network.get(&self.network).map_or(0, |held| held - self.held);
        match left {
            0 => drop(shares.by_network.remove(&self.network)),
            left => drop(shares.by_network.insert(self.network, left)),
        }
    }
}
