//! A listener and its connections: capped, timed, and drained on request. HTTP/1.1 only, which
//! every client speaks and which has one request in flight on a connection.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::client_network::Peer;
use super::timing::{Timing, Watched};
use crate::audit::Metrics;
use crate::config::{Limits, Tls};

/// The largest request head, in bytes, and the most header lines.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// The pause after an `accept` that failed, for want of file descriptors most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a door listens.
pub(super) enum Listener {
    Tcp(TcpListener),
    /// The socket's file is removed with the listener.
    Unix(UnixListener, PathBuf),
}

type Stream = Box<dyn Connection>;
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl Listener {
    async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Some(peer)))
            }
            Self::Unix(listener, _) => Ok((Box::new(listener.accept().await?.0), None)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// One door: where it is, what is behind it, and its bounds.
pub(super) struct Door {
    pub(super) listener: Listener,
    pub(super) router: Router,
    pub(super) tls: Option<Tls>,
    pub(super) limits: Arc<Limits>,
    pub(super) metrics: Arc<Metrics>,
}

/// Asks all doors to close; running requests may end.
pub(super) type Closing = watch::Receiver<bool>;

impl Door {
    /// Serves until closing, and then until the last connection has ended or the drain time is over.
    pub(super) async fn serve(self, mut closing: Closing) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let tls = self.tls.as_ref().map(|Tls(config)| TlsAcceptor::from(Arc::clone(config)));
        loop {
            // The place comes first: beyond the cap, connections wait in the kernel's queue.
            let accepted = tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => break,
                accepted = async {
                    let place = Arc::clone(&places).acquire_owned().await;
                    (place, self.listener.accept().await)
                } => accepted,
            };
            let (Ok(place), Ok((stream, peer))) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let timing = Timing::new(&self.limits);
            let connection =
                serve_stream(stream, peer, tls.clone(), self.router.clone(), timing, closing.clone());
            let metrics = Arc::clone(&self.metrics);
            tokio::spawn(async move {
                metrics.connections().inc();
                connection.await;
                metrics.connections().dec();
                drop(place);
            });
        }
        let all = u32::try_from(self.limits.connections).unwrap_or(u32::MAX);
        if timeout(self.limits.drain_timeout, places.acquire_many(all)).await.is_err() {
            tracing::warn!("some requests did not end within `limits.drain_timeout`");
        }
    }
}

async fn serve_stream(
    stream: Stream,
    peer: Option<SocketAddr>,
    tls: Option<TlsAcceptor>,
    router: Router,
    timing: Arc<Timing>,
    closing: Closing,
) {
    let Some(tls) = tls else { return serve_http(stream, peer, router, timing, closing).await };
    let handshake = timeout(timing.first_request_timeout(), tls.accept(stream));
    if let Ok(Ok(stream)) = handshake.await {
        serve_http(stream, peer, router, timing, closing).await;
    }
}

async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Option<SocketAddr>,
    router: Router,
    timing: Arc<Timing>,
    mut closing: Closing,
) {
    let requests = Arc::clone(&timing);
    let service = tower::service_fn(move |mut request: Request<Incoming>| {
        requests.busy();
        request.extensions_mut().insert(Peer(peer));
        let (router, requests) = (router.clone(), Arc::clone(&requests));
        async move {
            let response = router.oneshot(request.map(Body::new)).await;
            requests.idle();
            response
        }
    });
    let mut http = http1::Builder::new();
    // hyper's own header time-out would also end idle connections; `Timing` tells the two apart.
    http.header_read_timeout(None).max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS).half_close(false);
    let mut connection = pin!(http.serve_connection(
        TokioIo::new(Watched { stream, timing: Arc::clone(&timing) }),
        TowerToHyperService::new(service)
    ));
    let expired = tokio::select! {
        // In this order: `expired` looks at what polling the connection has changed.
        biased;
        _ = connection.as_mut() => return,
        () = timing.expired() => true,
        _ = closing.wait_for(|closing| *closing) => false,
    };
    // An idle connection ends at once; a running request may end, within its own time-out.
    connection.as_mut().graceful_shutdown();
    let patience = if expired { Duration::ZERO } else { timing.request_timeout() };
    let _ = timeout(patience, connection).await;
}
