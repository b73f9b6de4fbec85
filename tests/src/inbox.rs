//! A webhook's other end, over https: what was posted to it, and what it answers.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::Value;

use crate::https::Https;

/// A secret, as the scheme writes it.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What was posted.
#[derive(Clone, Debug)]
pub struct Message {
    pub headers: HeaderMap,
    pub body: String,
    /// What it was answered.
    pub status: u16,
}

impl Message {
    /// A header.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A running recipient.
pub struct Inbox {
    pub server: Https,
    shared: Arc<Shared>,
}

struct Shared {
    status: Mutex<u16>,
    messages: Mutex<Vec<Message>>,
}

impl Inbox {
    /// One that answers 204.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared { status: Mutex::new(204), messages: Mutex::default() });
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&shared));
        Self { server: Https::serve(router).await, shared }
    }

    /// What it answers from now on; 0: nothing, ever.
    pub fn answers(&self, status: u16) {
        *self.shared.status.lock().expect("lock") = status;
    }

    /// What was posted so far.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().expect("lock").clone()
    }

    /// What was taken so far.
    pub fn taken(&self) -> Vec<Message> {
        self.messages().into_iter().filter(|message| message.status == 204).collect()
    }

    /// `[webhooks.<name>]` for it, with more lines.
    pub fn section(&self, name: &str, lines: &str) -> String {
        format!(
            "\n[webhooks.{name}]\nurl = \"{}/hook\"\nsecret_file = \"webhook-secret\"\nca_file = \"{name}-ca.pem\"\n\
             allow_private = [\"127.0.0.0/8\"]\n{lines}",
            self.server.url
        )
    }

    /// The files that [`Inbox::section`] names.
    pub fn files(&self, name: &str) -> [(String, String); 2] {
        [
            ("webhook-secret".to_owned(), format!("{SECRET}\n")),
            (format!("{name}-ca.pem"), self.server.ca.clone()),
        ]
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let status = *shared.status.lock().expect("lock");
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    shared.messages.lock().expect("lock").push(Message { headers, body, status });
    if status == 0 {
        std::future::pending::<()>().await;
    }
    StatusCode::from_u16(status).expect("a status").into_response()
}
