//! An https server of the tests, on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::tls::Certificate;

/// A running server; it ends when dropped.
pub struct Https {
    /// `https://127.0.0.1:…`
    pub url: String,
    /// Its authority's certificate, in PEM.
    pub ca: String,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Https {
    /// Serves these routes.
    pub async fn serve(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::serve_at(listener, router, || ())
    }

    /// Serves these routes at a port that they had to know before, and tells of each connection.
    pub fn serve_at(listener: TcpListener, router: Router, connected: impl Fn() + Send + 'static) -> Self {
        let certificate = Certificate::for_loopback();
        let url = Self::url_of(&listener);
        let acceptor = certificate.acceptor();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                counter.fetch_add(1, Ordering::Relaxed);
                connected();
                let (acceptor, router) = (acceptor.clone(), router.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = TowerToHyperService::new(router);
                    let http =
                        hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, ca: certificate.ca, connections, task }
    }

    /// How often someone connected.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Closes the port.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// The address of what is served at this port.
    pub fn url_of(listener: &TcpListener) -> String {
        format!("https://{}", listener.local_addr().expect("address"))
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        self.stop();
    }
}
