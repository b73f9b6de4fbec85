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

use crate::http::request::client_network::Peer;
use crate::http::serve::body_drain::DrainableBody;
use crate::http::serve::timing::{Timing, Watched};
use crate::metrics::Metrics;
use crate::settings::{Limits, Tls};

/// The pause after an `accept` that failed, for want of file descriptors most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a listener listens.
pub(in crate::http) enum Listener {
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

/// One listener: where it is, what is behind it, and its bounds.
pub(in crate::http) struct Server {
    pub(in crate::http) listener: Listener,
    pub(in crate::http) router: Router,
    pub(in crate::http) tls: Option<Tls>,
    pub(in crate::http) limits: Arc<Limits>,
    pub(in crate::http) metrics: Arc<Metrics>,
}

/// Asks all listeners to close; running requests may end.
pub(in crate::http) type Closing = watch::Receiver<bool>;

impl Server {
    /// Serves until closing, and then until the last connection has ended or the drain time is over.
    pub(in crate::http) async fn serve(self, mut closing: Closing) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let tls = self.tls.as_ref().map(|Tls(config)| TlsAcceptor::from(Arc::clone(config)));
        let (cut, cutting) = watch::channel(false);
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
            let (open, mut cutting) = (Open::new(&self.metrics), cutting.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = connection => {}
                    _ = cutting.wait_for(|cut| *cut) => {}
                }
                drop((open, place));
            });
        }
        // From here on connections are refused, and those in the kernel's queue are reset.
        drop(self.listener);
        let all = u32::try_from(self.limits.connections).unwrap_or(u32::MAX);
        if timeout(self.limits.drain_timeout, places.acquire_many(all)).await.is_err() {
            tracing::warn!("some requests did not end within `limits.drain_timeout`");
            cut.send_replace(true);
            let _ = places.acquire_many(all).await;
        }
    }
}

/// A connection as it is counted, also if its task panics.
struct Open(Arc<Metrics>);

impl Open {
    fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.connections().inc();
        Self(Arc::clone(metrics))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections().dec();
    }
}

async fn serve_stream(
    stream: Stream,
    peer: Option<SocketAddr>,
    tls: Option<TlsAcceptor>,
    router: Router,
    timing: Arc<Timing>,
    mut closing: Closing,
) {
    let Some(tls) = tls else { return serve_http(stream, peer, router, timing, closing).await };
    let handshake = timeout(timing.first_request_timeout(), tls.accept(stream));
    let handshake = tokio::select! {
        handshake = handshake => handshake,
        _ = closing.wait_for(|closing| *closing) => return,
    };
    if let Ok(Ok(stream)) = handshake {
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
        let (head, body) = request.into_parts();
        let body = DrainableBody::new(&head.headers, body);
        let request = Request::from_parts(head, Body::new(body.clone()));
        async move {
            let Ok(mut response) = router.oneshot(request).await;
            body.finish(&mut response).await;
            requests.idle();
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    // hyper's own header time-out would also end idle connections; `Timing` tells the two apart.
    http.header_read_timeout(None)
        .max_buf_size(timing.limits().head_bytes)
        .max_headers(timing.limits().headers)
        .half_close(false);
    let mut connection = pin!(http.serve_connection(
        TokioIo::new(Watched { stream, timing: Arc::clone(&timing) }),
        TowerToHyperService::new(service)
    ));
    tokio::select! {
        // In this order: `expired` looks at what polling the connection has changed.
        biased;
        _ = connection.as_mut() => return,
        () = timing.expired() => {}
        _ = closing.wait_for(|closing| *closing) => {}
    }
    // An idle connection ends at once; what runs may end, within its own time-outs.
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        _ = timeout(timing.limits().request_timeout, connection) => {}
        () = timing.expired() => {}
    }
}
