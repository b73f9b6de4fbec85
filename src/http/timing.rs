//! The deadlines of one connection: its first request, each request's head, idleness.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::config::Limits;

/// What the connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It waits for the first byte of a request, until then.
    Idle { until: Instant },
    /// It reads a request's head, until then.
    Head { until: Instant },
    /// It answers a request, which has a time-out of its own.
    Busy,
}

/// The clock of one connection, kept by its requests and watched by its task.
pub(super) struct Timing {
    limits: Arc<Limits>,
    phase: Mutex<Phase>,
    changed: Notify,
}

impl Timing {
    /// A connection that was accepted just now.
    pub(super) fn new(limits: &Arc<Limits>) -> Arc<Self> {
        let until = Instant::now() + limits.first_request_timeout;
        Arc::new(Self {
            limits: Arc::clone(limits),
            phase: Mutex::new(Phase::Idle { until }),
            changed: Notify::new(),
        })
    }

    pub(super) fn first_request_timeout(&self) -> Duration {
        self.limits.first_request_timeout
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A request's head is complete.
    pub(super) fn busy(&self) {
        self.enter(|_| Phase::Busy);
    }

    /// A request was answered.
    pub(super) fn idle(&self) {
        let until = Instant::now() + self.limits.idle_timeout;
        self.enter(|_| Phase::Idle { until });
        self.changed.notify_one();
    }

    /// Bytes came in; the first ones after idleness begin a head.
    fn bytes(&self) {
        let header_timeout = self.limits.header_timeout;
        let began = self.enter(|phase| match phase {
            Phase::Idle { until } => Phase::Head { until: until.min(Instant::now() + header_timeout) },
            other => other,
        });
        if began {
            self.changed.notify_one();
        }
    }

    fn enter(&self, next: impl FnOnce(Phase) -> Phase) -> bool {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let entered = next(*phase);
        std::mem::replace(&mut *phase, entered) != entered
    }

    /// Waits until the connection has been idle, or has sent half a head, for too long.
    pub(super) async fn expired(&self) {
        loop {
            let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
            match phase {
                Phase::Busy => self.changed.notified().await,
                Phase::Idle { until } | Phase::Head { until } if Instant::now() >= until => return,
                Phase::Idle { until } | Phase::Head { until } => {
                    tokio::select! {
                        () = sleep_until(until) => {}
                        () = self.changed.notified() => {}
                    }
                }
            }
        }
    }
}

/// A stream that tells its connection's clock about bytes that come in.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) timing: Arc<Timing>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.timing.bytes();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}
