//! The deadlines of one connection: its first request, each request's head, idleness.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use crate::settings::Limits;

/// What the connection is doing.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// It waits for the first byte of a request, until then.
    Idle { until: Instant },
    /// It reads a request's head, until then.
    Head { until: Instant },
    /// It answers a request, which has a time-out of its own.
    Busy,
}

/// The clock of one connection, kept by its requests and watched by its task.
pub(in crate::http) struct Timing {
    limits: Arc<Limits>,
    phase: Mutex<Phase>,
}

impl Timing {
    /// A connection that was accepted just now.
    pub(in crate::http) fn new(limits: &Arc<Limits>) -> Arc<Self> {
        let until = Instant::now() + limits.first_request_timeout;
        Arc::new(Self { limits: Arc::clone(limits), phase: Mutex::new(Phase::Idle { until }) })
    }

    pub(in crate::http) fn first_request_timeout(&self) -> Duration {
        self.limits.first_request_timeout
    }

    pub(in crate::http) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A request's head is complete.
    pub(in crate::http) fn busy(&self) {
        self.enter(|_| Phase::Busy);
    }

    /// A request was answered.
    pub(in crate::http) fn idle(&self) {
        let until = Instant::now() + self.limits.idle_timeout;
        self.enter(|_| Phase::Idle { until });
    }

    /// Bytes came in; the first ones after idleness begin a head.
    fn bytes(&self) {
        let header_timeout = self.limits.header_timeout;
        self.enter(|phase| match phase {
            Phase::Idle { until } => Phase::Head { until: until.min(Instant::now() + header_timeout) },
            other => other,
        });
    }

    fn enter(&self, next: impl FnOnce(Phase) -> Phase) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = next(*phase);
    }

    fn until(&self) -> Option<Instant> {
        match *self.phase.lock().unwrap_or_else(PoisonError::into_inner) {
            Phase::Idle { until } | Phase::Head { until } => Some(until),
            Phase::Busy => None,
        }
    }

    /// Waits until the connection has been idle, or has sent half a head, for too long.
    ///
    /// Phases change only while the connection is polled, so anyone who polls this after the
    /// connection, in the same task, needs no further notice of a change. An alarm that is too early
    /// is left alone until it rings: a request in good time costs no timer.
    pub(in crate::http) async fn expired(&self) {
        let mut alarm = pin!(sleep_until(self.until().unwrap_or_else(Instant::now)));
        poll_fn(|context| {
            loop {
                let Some(until) = self.until() else { return Poll::Pending };
                if until < alarm.deadline() {
                    alarm.as_mut().reset(until);
                }
                ready!(alarm.as_mut().poll(context));
                if Instant::now() >= until {
                    return Poll::Ready(());
                }
                alarm.as_mut().reset(until);
            }
        })
        .await;
    }
}

/// A stream that tells its connection's clock about bytes that come in.
pub(in crate::http) struct Watched<S> {
    pub(in crate::http) stream: S,
    pub(in crate::http) timing: Arc<Timing>,
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
