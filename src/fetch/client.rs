//! One request and its answer: a GET of a document, or a POST of a message.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::response::{self, Fetched};
use super::{FetchError, is_public};

/// One connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The whole fetch of one document.
pub(super) const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest head of an answer in bytes, which is also how much is read ahead.
const MAX_HEAD: usize = 64 * 1024;
/// The most header lines of an answer.
const MAX_HEADERS: usize = 100;
/// How many of a name's addresses are tried.
const MAX_ADDRESSES: usize = 4;

/// Whom a fetch trusts.
#[derive(Clone, Debug)]
pub enum Roots {
    /// The operating system's roots.
    System,
    /// Only these certificates.
    Only(Vec<CertificateDer<'static>>),
}

/// What someone answered to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The status.
    pub status: StatusCode,
    /// `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<Duration>,
}

/// Speaks to one other side: an issuer, a reporter, a webhook.
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
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let read = |response| response::read(response, true);
        self.exchange(url, Method::GET, headers, Bytes::new(), read).await
    }

    /// Fetches a document, whatever its `Content-Type` says: file stores often know none.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn get_document(&self, url: &str, headers: HeaderMap) -> Result<Fetched, FetchError> {
        let read = |response| response::read(response, false);
        self.exchange(url, Method::GET, headers, Bytes::new(), read).await
    }

    /// Posts a message. Nothing of the answer's body is read.
    ///
    /// # Errors
    /// See [`FetchError`]; a status is none.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Receipt, FetchError> {
        let read = async |response: Response<Incoming>| {
            let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
            Ok(Receipt { status: response.status(), retry_after })
        };
        self.exchange(url, Method::POST, headers, body, read).await
    }

    /// One request, and what is read of the answer, all within the deadline.
    async fn exchange<T>(
        &self,
        url: &str,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
        read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let parsed = Url::parse(url).map_err(|_| FetchError::url(url))?;
        let exchanged = async {
            let stream = self.connect_tls(&parsed).await?;
            converse(stream, &parsed, method, headers, body, read).await
        };
        timeout(TOTAL_TIMEOUT, exchanged).await.map_err(|_| FetchError::Timeout)?
    }

    async fn connect_tls(&self, url: &Url) -> Result<TlsStream<TcpStream>, FetchError> {
        let host = match (url.scheme(), url.host()) {
            ("https", Some(host)) => host.to_owned(),
            _ => return Err(FetchError::url(url.as_str())),
        };
        let stream = self.connect(&host, url.port().unwrap_or(443)).await?;
        let name = match &host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|_| FetchError::url(url.as_str()))?
            }
            Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
            Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
        };
        TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
            .map_err(|error| FetchError::connection(format!("TLS with {host}"), error))
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
                Ok(Err(error)) => failed = Some((address, error.to_string())),
                Err(_) => failed = Some((address, "no answer".to_owned())),
            }
        }
        Err(match (failed, refused) {
            (Some((address, error)), _) => FetchError::connection(format!("connecting to {address}"), error),
            (None, Some(address)) => FetchError::Private { host: host.to_string(), address },
            (None, None) => FetchError::connection(host.to_string(), "it has no address"),
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

/// Converses over a connection of its own, which ends with the future that reads its answer: anyone who
/// drips or never ends holds nothing afterwards.
async fn converse<T>(
    stream: TlsStream<TcpStream>,
    url: &Url,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, FetchError>,
) -> Result<T, FetchError> {
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    // Paths and queries may be secrets.
    let failed = |error: hyper::Error| FetchError::connection(format!("HTTP with {authority}"), error);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, authority)
        .header(USER_AGENT, concat!("trustmint/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(body))
        .map_err(|_| FetchError::url(url.as_str()))?;
    request.headers_mut().extend(headers);
    read(sender.send_request(request).await.map_err(failed)?).await
}
