//! A registry that notes what comes and believes all of it, as one behind a proxy does.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request that came through.
#[derive(Clone, Debug)]
pub struct Passed {
    pub method: String,
    /// Path and query, as they came.
    pub uri: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Passed {
    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// A running server; it ends when dropped.
pub struct Upstream {
    pub port: u16,
    passed: Arc<Mutex<Vec<Passed>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("address").port();
        let passed = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(note).with_state(Arc::clone(&passed));
        let task = tokio::spawn(crate::uploads::serve(listener, router));
        Self { port, passed, task }
    }

    /// Everything that came since it was asked last.
    pub fn take(&self) -> Vec<Passed> {
        std::mem::take(&mut *self.passed.lock().expect("lock"))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn note(State(passed): State<Arc<Mutex<Vec<Passed>>>>, request: Request) -> &'static str {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), 64 << 20).await.expect("a body").to_vec();
    let uri = parts.uri.path_and_query().map_or(String::new(), ToString::to_string);
    let method = parts.method.to_string();
    passed.lock().expect("lock").push(Passed { method, uri, headers: parts.headers, body });
    "stored"
}
