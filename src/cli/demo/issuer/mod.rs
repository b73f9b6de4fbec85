//! The demo's own OIDC provider, which stands for GitHub Actions: discovery, keys and ID tokens, over https.

mod certificate;
mod claims;
mod signer;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use aws_lc_rs::rand;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{Router, get};
use axum::{Json, body::Body};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(super) use certificate::Authority;
pub(super) use signer::Signer;

use super::files;
use crate::clock::{Clock as _, SystemClock};
use crate::hex;

const KEYS: &str = "/.well-known/jwks";

/// A running issuer; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Issuer {
    url: String,
    authority: Authority,
    _server: JoinSet<()>,
}

impl Issuer {
    /// Generates keys and serves.
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("https://{}", listener.local_addr()?);
        let authority = Authority::new()?;
        let tls = TlsAcceptor::from(Arc::new(authority.server_config()?));
        let signer = Signer::generate("demo-1")?;
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route(KEYS, get(keys))
            .route("/token", get(token))
            .with_state(Provider { url: url.as_str().into(), signer: Arc::new(signer) });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, tls, router));
        Ok(Self { url, authority, _server: server })
    }

    /// Its `iss`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Who vouches for its TLS certificate.
    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }
}

#[derive(Clone)]
struct Provider {
    url: Arc<str>,
    signer: Arc<Signer>,
}

async fn discovery(State(provider): State<Provider>) -> Json<Value> {
    let url = &provider.url;
    Json(json!({
        "issuer": &**url,
        "jwks_uri": format!("{url}{KEYS}"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    Json(json!({ "keys": [provider.signer.public_jwk()] }))
}

/// `audience` is GitHub's own parameter; `environment` is the demo's, for playing another job.
#[derive(Deserialize)]
struct Job {
    audience: Option<String>,
    environment: Option<String>,
}

/// What `$ACTIONS_ID_TOKEN_REQUEST_URL` answers on GitHub.
async fn token(
    State(provider): State<Provider>,
    Query(job): Query<Job>,
) -> Result<Json<Value>, (StatusCode, &'static str)> {
    let no_randomness = |_| (StatusCode::SERVICE_UNAVAILABLE, "the operating system has no randomness\n");
    let claims = claims::of_job(
        &provider.url,
        job.audience.as_deref(),
        job.environment.as_deref().unwrap_or(files::ENVIRONMENT),
        SystemClock.now(),
        random_hex::<16>().map_err(no_randomness)?,
    );
    let token = provider.signer.sign(&claims).map_err(no_randomness)?;
    Ok(Json(json!({ "value": token })))
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, router: Router) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, tls.clone(), router.clone()))),
                // For want of file descriptors, most likely.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, router: Router) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let router = tower::util::MapRequest::new(router, |request: hyper::Request<hyper::body::Incoming>| {
        request.map(Body::new)
    });
    // A client that goes away in the middle is expected.
    let _ =
        http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}

/// `N` random bytes, in hexadecimal.
pub(super) fn random_hex<const N: usize>() -> io::Result<String> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the operating system has no randomness"))?;
    Ok(hex::encode(&bytes))
}
