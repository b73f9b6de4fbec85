//! An issuer that answers with whatever bytes a test wants, over real TLS.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::keys::{self, Key};
use crate::tls::Certificate;

/// An answer to a request, as bytes.
#[derive(Clone, Debug)]
pub struct Answer {
    delay: Duration,
    bytes: Vec<u8>,
    then: Then,
}

/// What comes after the bytes.
#[derive(Clone, Debug)]
enum Then {
    Close,
    Hang,
    /// More bytes, again and again, each time after a while.
    Repeat(Vec<u8>, Duration),
}

impl Answer {
    /// These bytes; then the connection is closed.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { delay: Duration::ZERO, bytes: bytes.into(), then: Then::Close }
    }

    /// A JSON document.
    pub fn json(document: &Value) -> Self {
        Self::ok("application/json", "", document.to_string())
    }

    /// 200 with a body of this type, and more header lines, each with its line end.
    pub fn ok(content_type: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        Self::raw([head.as_bytes(), body].concat())
    }

    /// A head of JSON with these header lines, each with its line end, and no body yet.
    pub fn head(headers: &str) -> Self {
        Self::raw(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}\r\n"))
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::raw(format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"))
    }

    /// Not before this has passed.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// After that, nothing more, and the connection stays open.
    #[must_use]
    pub fn then_hang(self) -> Self {
        Self { then: Then::Hang, ..self }
    }

    /// After that, these bytes, each time after a while, for as long as someone reads.
    #[must_use]
    pub fn then_repeat(self, bytes: impl Into<Vec<u8>>, every: Duration) -> Self {
        Self { then: Then::Repeat(bytes.into(), every), ..self }
    }

    /// Only so many of its bytes.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.bytes.truncate(bytes);
        self
    }

    async fn send(self, stream: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
        tokio::time::sleep(self.delay).await;
        stream.write_all(&self.bytes).await?;
        stream.flush().await?;
        match self.then {
            Then::Close => stream.shutdown().await,
            Then::Hang => std::future::pending().await,
            Then::Repeat(bytes, every) => loop {
                tokio::time::sleep(every).await;
                stream.write_all(&bytes).await?;
                stream.flush().await?;
            },
        }
    }
}

/// A running issuer; it ends when dropped.
pub struct HostileIssuer {
    /// `iss`.
    pub url: String,
    /// Its authority's certificate, in PEM.
    pub ca: String,
    /// The key it signs with while it is honest.
    pub key: Key,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    discovery: Mutex<Answer>,
    keys: Mutex<Answer>,
    impostor: AtomicBool,
    fetches: AtomicUsize,
    key_requests: AtomicUsize,
}

impl HostileIssuer {
    /// Starts one that is honest for now.
    pub async fn start() -> Self {
        let (certificate, other) = (Certificate::for_loopback(), Certificate::for_loopback());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("address"));
        let key = keys::rsa().clone();
        let shared = Arc::new(Shared {
            discovery: Mutex::new(Answer::json(&discovery_of(&url))),
            keys: Mutex::new(Answer::json(&keys::jwks([&key]))),
            impostor: AtomicBool::new(false),
            fetches: AtomicUsize::new(0),
            key_requests: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        let acceptors = [certificate.acceptor(), other.acceptor()];
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let acceptor = acceptors[usize::from(serving.impostor.load(Ordering::SeqCst))].clone();
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut request = Vec::new();
                    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                        match stream.read_buf(&mut request).await {
                            Ok(1..) => {}
                            _ => return,
                        }
                    }
                    let is_discovery = request.starts_with(b"GET /.well-known/openid-configuration ");
                    let (count, answer) = if is_discovery {
                        (&shared.fetches, &shared.discovery)
                    } else {
                        (&shared.key_requests, &shared.keys)
                    };
                    let answer = answer.lock().expect("lock").clone();
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = answer.send(&mut stream).await;
                });
            }
        });
        Self { url, ca: certificate.ca, key, shared, task }
    }

    /// What it answers when asked for its discovery document from now on.
    pub fn discovery(&self, answer: Answer) {
        *self.shared.discovery.lock().expect("lock") = answer;
    }

    /// What it answers when asked for its keys from now on.
    pub fn keys(&self, answer: Answer) {
        *self.shared.keys.lock().expect("lock") = answer;
    }

    /// The discovery document of an honest issuer.
    pub fn honest_discovery(&self) -> Value {
        discovery_of(&self.url)
    }

    /// Shows a certificate of another authority from now on.
    pub fn show_another_certificate(&self) {
        self.shared.impostor.store(true, Ordering::SeqCst);
    }

    /// How often someone began to fetch its keys, which is with the discovery document.
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// How often it was asked for its keys themselves.
    pub fn key_requests(&self) -> usize {
        self.shared.key_requests.load(Ordering::SeqCst)
    }

    /// An ID token of the release job, by this key.
    pub fn id_token_by(&self, key: &Key) -> String {
        key.sign(&crate::github(&self.url, crate::broker::AUDIENCE))
    }

    /// An ID token that no one signed, under a `kid` that no one has seen.
    pub fn unknown_kid(&self) -> String {
        unknown_kid(&self.url)
    }
}

impl Drop for HostileIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn discovery_of(url: &str) -> Value {
    json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") })
}

/// An ID token of the release job that no one signed, under a `kid` that no one has seen.
pub fn unknown_kid(issuer_url: &str) -> String {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": format!("kid-{}", crate::claims::unique()) });
    let claims = crate::github(issuer_url, crate::broker::AUDIENCE);
    let parts = [header.to_string().into_bytes(), claims.to_string().into_bytes(), vec![0x5a; 256]];
    parts.map(crate::attack::base64url).join(".")
}

/// A listener to which no one should connect.
pub struct Untouched {
    /// `host:port`.
    pub authority: String,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Untouched {
    /// On loopback.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let authority = listener.local_addr().expect("address").to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { authority, connections, task }
    }

    /// How often someone connected all the same.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Untouched {
    fn drop(&mut self) {
        self.task.abort();
    }
}
