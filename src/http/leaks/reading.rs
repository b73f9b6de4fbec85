//! The bodies of reports, which are larger than others: read whole before they can be believed, and
//! within a budget of bytes that all of them share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::super::refusal::Refused;
use crate::config::Limits;
use crate::denial::{Denial, Reason};

/// How many bytes one permit of the budget is for.
const UNIT: usize = 1024;
/// How many of the largest reports may be read at the same time.
const AT_ONCE: usize = 4;

/// How reports are read.
#[derive(Clone, Debug)]
pub(in crate::http) struct Reading {
    budget: Arc<Semaphore>,
    bytes: usize,
    timeout: Duration,
    /// The most records of a report.
    pub(super) records: usize,
}

/// A body, and its share of the budget.
pub(super) struct Report {
    pub(super) body: Zeroizing<Vec<u8>>,
    _share: Option<OwnedSemaphorePermit>,
}

impl Reading {
    pub(in crate::http) fn new(limits: &Limits) -> Self {
        Self {
            budget: Arc::new(Semaphore::new(limits.report_bytes.div_ceil(UNIT) * AT_ONCE)),
            bytes: limits.report_bytes,
            timeout: limits.request_timeout,
            records: limits.report_records,
        }
    }

    /// Reads a body. Whoever sends slowly holds no more of the budget than was sent.
    pub(super) async fn read(&self, body: Body) -> Result<Report, Refused> {
        let read = tokio::time::timeout(self.timeout, self.read_all(body)).await;
        read.unwrap_or_else(|_| {
            Err(Refused::malformed("the report took too long").with_status(StatusCode::REQUEST_TIMEOUT))
        })
    }

    async fn read_all(&self, mut body: Body) -> Result<Report, Refused> {
        let mut report = Report { body: Zeroizing::new(Vec::new()), _share: None };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refused::malformed("the body could not be read"))?;
            let Ok(data) = frame.into_data() else { continue };
            let length = report.body.len() + data.len();
            if length > self.bytes {
                return Err(Refused::malformed(format!("the report has more than {} bytes", self.bytes))
                    .with_status(StatusCode::PAYLOAD_TOO_LARGE));
            }
            self.share(&mut report, length.div_ceil(UNIT))?;
            report.body.extend_from_slice(&data);
        }
        Ok(report)
    }

    fn share(&self, report: &mut Report, units: usize) -> Result<(), Refused> {
        let held = report._share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = u32::try_from(units.saturating_sub(held)).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.budget)
            .try_acquire_many_owned(missing)
            .map_err(|_| Denial::new(Reason::Overloaded, "too many reports are being read at the moment"))?;
        match &mut report._share {
            Some(share) => share.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}
