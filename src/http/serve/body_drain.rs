//! Drains what a handler left unread of a request's body, within bounds.
//!
//! A refusal often comes before the body was looked at. To close the connection on unread bytes would
//! reset it, and the client would see that instead of the answer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

/// How many bytes are drained before the response says that the connection closes.
const MOST: usize = 1 << 20;
/// How long draining may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// A body that can be drained after its reader is gone.
#[derive(Clone)]
pub(in crate::http) struct DrainableBody {
    body: Arc<Mutex<Incoming>>,
    /// Whether the client waits for our leave to send it (RFC 9110 §10.1.1).
    withheld: bool,
}

impl DrainableBody {
    pub(in crate::http) fn new(headers: &HeaderMap, body: Incoming) -> Self {
        Self { body: Arc::new(Mutex::new(body)), withheld: headers.contains_key(EXPECT) }
    }

    /// Reads the rest, or lets the answer say that the connection closes.
    pub(in crate::http) async fn finish(self, response: &mut Response) {
        if self.is_end_stream() {
            return;
        }
        let read = !self.withheld && tokio::time::timeout(PATIENCE, self.drain()).await == Ok(true);
        if !read {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    async fn drain(mut self) -> bool {
        let mut read = 0;
        while let Some(frame) = self.frame().await {
            let Ok(frame) = frame else { return false };
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > MOST {
                return false;
            }
        }
        true
    }
}

impl Body for DrainableBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
