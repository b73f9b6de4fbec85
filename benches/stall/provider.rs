//! An issuer over https that can stall: it accepts, and answers nothing.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::header::CONTENT_TYPE;
use axum::routing::{Router, get};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::shared::Outcome;
use crate::shared::id_tokens::Issuer;

/// A running issuer; it ends when this is dropped.
pub(crate) struct Provider {
    pub(crate) issuer: Arc<Issuer>,
    /// Its certificate, which no one else vouches for, in PEM.
    pub(crate) certificate: String,
    stalls: Arc<AtomicBool>,
    _runtime: Runtime,
}

impl Provider {
    pub(crate) fn start() -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let url = format!("https://{}", listener.local_addr()?);
        let issuer = Arc::new(Issuer::new(&*url)?);
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&key)?;
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(trustmint::tls::provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        let stalls = Arc::new(AtomicBool::new(false));
        let discovery = format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/jwks"}}"#);
        let router = Router::new()
            .route("/.well-known/openid-configuration", document(discovery, &stalls))
            .route("/jwks", document(issuer.keys(), &stalls));
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), router));
        Ok(Self { issuer, certificate: certificate.pem(), stalls, _runtime: runtime })
    }

    /// Stalls from now on, or answers again.
    pub(crate) fn stall(&self, stalls: bool) {
        self.stalls.store(stalls, Ordering::SeqCst);
    }
}

fn document(json: String, stalls: &Arc<AtomicBool>) -> axum::routing::MethodRouter {
    let stalls = Arc::clone(stalls);
    get(async move || {
        if stalls.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        ([(CONTENT_TYPE, "application/json")], json)
    })
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, service) = (tls.clone(), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
