//! What the parties of the demo send: real requests over real sockets, one connection each.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full};
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(15);

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Null where there is none, a string where it is not a JSON.
    pub(super) body: Value,
}

impl Answer {
    /// The text at a JSON pointer; empty if there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or("")
    }
}

/// A request, and how it is told.
#[derive(Debug)]
pub(super) struct Request {
    method: Method,
    path: String,
    content_type: Option<&'static str>,
    authorization: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    told: Vec<(String, String)>,
}

impl Request {
    pub(super) fn get(path: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            content_type: None,
            authorization: None,
            headers: Vec::new(),
            body: Vec::new(),
            told: Vec::new(),
        }
    }

    pub(super) fn form(path: &str, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self {
            method: Method::POST,
            content_type: Some("application/x-www-form-urlencoded"),
            body: body.into_bytes(),
            told: fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            ..Self::get(path)
        }
    }

    /// A JSON object of one string.
    pub(super) fn json(path: &str, name: &str, value: &str) -> Self {
        Self {
            method: Method::POST,
            content_type: Some("application/json"),
            body: serde_json::json!({ name: value }).to_string().into_bytes(),
            told: vec![(name.to_owned(), value.to_owned())],
            ..Self::get(path)
        }
    }

    /// JSON that was written before, since it is signed as it is; and what is told of it.
    pub(super) fn text(path: &str, body: String, told: &[(&str, &str)]) -> Self {
        Self {
            method: Method::POST,
            content_type: Some("application/json"),
            body: body.into_bytes(),
            told: told.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            ..Self::get(path)
        }
    }

    /// With a header, in the place of an earlier one of this name.
    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Authenticates by `client_secret_basic`; neither id nor secret needs the form encoding.
    pub(super) fn authenticated(mut self, id: &str, secret: &str) -> Self {
        self.authorization = Some(format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))));
        self
    }

    /// Method, path and the parameters that matter, with tokens shortened and URNs cut to their end.
    pub(super) fn told(&self) -> Vec<String> {
        let mut items = vec![format!("{} {}", self.method, self.path)];
        let matters = |&(name, _): &(&str, &str)| name != "subject_token_type";
        let fields = self.told.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        items.extend(fields.filter(matters).map(|(name, value)| match value.strip_prefix("urn:") {
            Some(urn) => format!("{name}={}", urn.rsplit(':').next().unwrap_or(urn)),
            None => told_field(name, value),
        }));
        items
    }

    /// Sends it.
    ///
    /// # Errors
    /// If there is no answer; why, in words.
    pub(super) async fn send(&self, to: SocketAddr) -> Result<Answer, String> {
        timeout(PATIENCE, self.exchange(to))
            .await
            .map_err(|_| format!("no answer within {} seconds", PATIENCE.as_secs()))?
    }

    async fn exchange(&self, to: SocketAddr) -> Result<Answer, String> {
        let failed = |error: hyper::Error| format!("no answer: {error}");
        let stream = TcpStream::connect(to).await.map_err(|error| format!("no connection: {error}"))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        tokio::spawn(connection);
        let mut request =
            hyper::Request::builder().method(&self.method).uri(&self.path).header(HOST, to.to_string());
        for (name, value) in [
            (CONTENT_TYPE, self.content_type.map(str::to_owned)),
            (AUTHORIZATION, self.authorization.clone()),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request =
            request.body(Full::new(Bytes::from(self.body.clone()))).map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(failed)?.to_bytes();
        Ok(Answer { status, body: read(&body) })
    }
}

fn read(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

/// One parameter or member, as it is told.
pub(super) fn told_field(name: &str, value: &str) -> String {
    let is_token = ["access_token", "subject_token", "token", "value"].contains(&name);
    if is_token { format!("{name}={}", shortened(value)) } else { format!("{name}={value}") }
}

/// A token's beginning and end: enough to tell it from others, and useless.
fn shortened(token: &str) -> String {
    const TAIL: usize = 6;
    // Every ID token of an issuer begins alike, and of a registry token the prefix says what it is.
    let head = if token.starts_with("ey") { 6 } else { 14 };
    let letters: Vec<char> = token.chars().collect();
    if letters.len() <= 2 * (head + TAIL) {
        return token.to_owned();
    }
    letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - TAIL..]).collect()
}
