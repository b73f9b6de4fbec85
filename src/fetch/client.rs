//! A GET of one JSON document.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HOST, LAST_MODIFIED, USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::is_public;

/// One connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The whole fetch of one document.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest document.
const MAX_BODY: usize = 256 * 1024;
/// How many of a name's addresses are tried.
const MAX_ADDRESSES: usize = 4;

/// Why a document could not be had. For the operator's log; callers learn only that it failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is not one that is fetched.
    #[error("{0} is not an https URL with a host")]
    Url(String),
    /// The name does not resolve.
    #[error("{host} does not resolve: {error}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        error: std::io::Error,
    },
    /// The name resolves to addresses that are not allowed.
    #[error(
        "{host} is at {address}, which is not public; name its network in `allow_private` if that is intended"
    )]
    Private {
        /// The name.
        host: String,
        /// The first address that was refused.
        address: std::net::IpAddr,
    },
    /// No connection, no TLS, or no HTTP.
    #[error("{0}")]
    Connection(String),
    /// It took too long.
    #[error("no answer within {} seconds", TOTAL_TIMEOUT.as_secs())]
    Timeout,
    /// Not 200; redirects are not followed.
    #[error("the answer was {0}; redirects are not followed")]
    Status(StatusCode),
    /// Not a plain JSON document of a sane size.
    #[error("{0}")]
    Document(String),
    /// The fetching task is gone.
    #[error("the fetch was aborted")]
    Aborted,
}

/// A document.
#[derive(Debug)]
pub struct Fetched {
    /// Its bytes.
    pub body: Bytes,
    /// `Cache-Control: max-age`, where given.
    pub max_age: Option<Duration>,
    /// `Content-Type` without parameters, in lower case.
    pub content_type: String,
    /// `Last-Modified`, as it was sent.
    pub last_modified: Option<String>,
    /// `Age`: how long a cache on the way has had it.
    pub age: Option<Duration>,
}

/// Whom a fetch trusts.
#[derive(Clone, Debug)]
pub enum Roots {
    /// The operating system's roots.
    System,
    /// Only these certificates.
    Only(Vec<CertificateDer<'static>>),
}

/// Fetches documents for one issuer.
#[derive(Clone, Debug)]
pub struct Fetcher {
    tls: Arc<ClientConfig>,
    allow_private: Vec<IpNet>,
}

impl Fetcher {
    /// A fetcher with its own roots and its own exceptions from the rule that addresses are public.
    ///
    /// # Errors
    /// If a root certificate is not one.
    pub fn new(roots: &Roots, allow_private: Vec<IpNet>) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        match roots {
            Roots::System => {
                // Unreadable roots among the system's are the system's affair; the rest serves.
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Roots::Only(certificates) => {
                for certificate in certificates {
                    store.add(certificate.clone()).map_err(|error| error.to_string())?;
                }
            }
        }
        let tls = ClientConfig::builder_with_provider(crate::tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), allow_private })
    }

    /// Fetches a JSON document.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn get_json(&self, url: &str) -> Result<Fetched, FetchError> {
        let parsed = Url::parse(url).map_err(|_| FetchError::Url(url.to_owned()))?;
        timeout(TOTAL_TIMEOUT, self.get(&parsed)).await.map_err(|_| FetchError::Timeout)?
    }

    async fn get(&self, url: &Url) -> Result<Fetched, FetchError> {
        let host = match (url.scheme(), url.host()) {
            ("https", Some(host)) => host.to_owned(),
            _ => return Err(FetchError::Url(url.to_string())),
        };
        let stream = self.connect(&host, url.port().unwrap_or(443)).await?;
        let name = match &host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|_| FetchError::Url(url.to_string()))?
            }
            Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
            Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
        };
        let stream = TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
            .map_err(|error| FetchError::Connection(format!("TLS with {host}: {error}")))?;
        let response = request(stream, url).await?;
        read(response).await
    }

    async fn connect(&self, host: &Host, port: u16) -> Result<TcpStream, FetchError> {
        let mut refused = None;
        let mut failed = None;
        for address in resolve(host, port).await?.into_iter().take(MAX_ADDRESSES) {
            let ip = address.ip().to_canonical();
            if !is_public(ip) && !self.allow_private.iter().any(|network| network.contains(&ip)) {
                refused.get_or_insert(ip);
                continue;
            }
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = Some(format!("connecting to {address}: {error}")),
                Err(_) => failed = Some(format!("connecting to {address}: no answer")),
            }
        }
        Err(match (failed, refused) {
            (Some(failed), _) => FetchError::Connection(failed),
            (None, Some(address)) => FetchError::Private { host: host.to_string(), address },
            (None, None) => FetchError::Connection(format!("{host} has no address")),
        })
    }
}

async fn resolve(host: &Host, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
    match host {
        Host::Ipv4(address) => Ok(vec![SocketAddr::from((*address, port))]),
        Host::Ipv6(address) => Ok(vec![SocketAddr::from((*address, port))]),
        Host::Domain(name) => tokio::net::lookup_host((name.as_str(), port))
            .await
            .map(Iterator::collect)
            .map_err(|error| FetchError::Resolve { host: name.clone(), error }),
    }
}

async fn request<S>(stream: S, url: &Url) -> Result<Response<hyper::body::Incoming>, FetchError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let failed = |error: hyper::Error| FetchError::Connection(format!("HTTP with {url}: {error}"));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let request = Request::get(target)
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("trustmint/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::Url(url.to_string()))?;
    // The connection lives as long as the body is read; it ends with the task that polls it.
    tokio::spawn(async move {
        let _ = timeout(TOTAL_TIMEOUT, connection).await;
    });
    sender.send_request(request).await.map_err(failed)
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Fetched, FetchError> {
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    if header(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(FetchError::Document("the document is compressed, which was not asked for".to_owned()));
    }
    let content_type =
        header(CONTENT_TYPE).unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let is_json = content_type == "application/json"
        || (content_type.starts_with("application/") && content_type.ends_with("+json"));
    if !is_json {
        return Err(FetchError::Document(format!("the document is {content_type:?}, not JSON")));
    }
    let max_age = header(CACHE_CONTROL).and_then(max_age);
    let last_modified = header(LAST_MODIFIED).map(str::to_owned);
    let age = header(AGE).and_then(|age| age.parse().ok()).map(Duration::from_secs);
    let body = Limited::new(response.into_body(), MAX_BODY)
        .collect()
        .await
        .map_err(|error| FetchError::Document(format!("reading at most {MAX_BODY} bytes: {error}")))?
        .to_bytes();
    Ok(Fetched { body, max_age, content_type, last_modified, age })
}

fn max_age(cache_control: &str) -> Option<Duration> {
    cache_control
        .split(',')
        .find_map(|directive| directive.trim().strip_prefix("max-age="))
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs)
}
