//! An upload server in the manner of PyPI's `/legacy/`: it asks the broker about each token and
//! compares names canonically (PEP 503).

use std::sync::{Arc, Mutex};

use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{Router, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::broker::CLIENT;

/// An upload that was tried.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The registry token that came with it.
    pub token: String,
    /// `name` of the form, as it came.
    pub name: String,
    /// The file.
    pub content: Vec<u8>,
    /// What was answered.
    pub status: StatusCode,
}

/// A running server; it ends when dropped.
pub struct Uploads {
    /// `http://…`.
    pub url: String,
    seen: Arc<Mutex<Vec<Upload>>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    broker: String,
    http: reqwest::Client,
    seen: Arc<Mutex<Vec<Upload>>>,
}

impl Uploads {
    /// Introspects at this broker.
    pub async fn asking(broker: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Shared {
            broker: broker.to_owned(),
            http: reqwest::Client::builder().no_proxy().build().expect("client"),
            seen: Arc::clone(&seen),
        };
        let router = Router::new()
            .route("/legacy/", post(upload))
            .layer(DefaultBodyLimit::max(8 << 20))
            .with_state(shared);
        let task = tokio::spawn(serve(listener, router));
        Self { url, seen, task }
    }

    /// What was uploaded, or tried to be.
    pub fn seen(&self) -> Vec<Upload> {
        self.seen.lock().expect("lock").clone()
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves until the task ends.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::server::conn::auto::Builder;
    use hyper_util::service::TowerToHyperService;
    while let Ok((stream, _)) = listener.accept().await {
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn upload(State(shared): State<Shared>, headers: HeaderMap, mut form: Multipart) -> StatusCode {
    let (mut name, mut content, mut action) = (String::new(), Vec::new(), String::new());
    while let Ok(Some(field)) = form.next_field().await {
        match field.name().unwrap_or("") {
            ":action" => action = field.text().await.unwrap_or_default(),
            "name" => name = field.text().await.unwrap_or_default(),
            "content" => content = field.bytes().await.unwrap_or_default().to_vec(),
            _ => {}
        }
    }
    let token = password(&headers).unwrap_or_default();
    let status = if action == "file_upload" && !content.is_empty() {
        shared.judge(&token, &name).await
    } else {
        StatusCode::BAD_REQUEST
    };
    shared.seen.lock().expect("lock").push(Upload { token, name, content, status });
    status
}

impl Shared {
    /// Is the token good, and does it cover this package?
    async fn judge(&self, token: &str, name: &str) -> StatusCode {
        let request = self.http.post(format!("{}/oauth/introspect", self.broker));
        let request = request.basic_auth(CLIENT.0, Some(CLIENT.1)).form(&[("token", token)]);
        let Ok(answer) = request.send().await else { return StatusCode::SERVICE_UNAVAILABLE };
        let Ok(answer) = answer.json::<Value>().await else { return StatusCode::SERVICE_UNAVAILABLE };
        if answer["active"] != true {
            return StatusCode::UNAUTHORIZED;
        }
        let details = answer["authorization_details"].as_array().cloned().unwrap_or_default();
        let covers = |detail: &Value| {
            let actions = detail["actions"].as_array().cloned().unwrap_or_default();
            detail["type"] == "package"
                && detail["identifier"].as_str().map(canonical) == Some(canonical(name))
                && actions.iter().any(|action| action == "publish")
        };
        if details.iter().any(covers) { StatusCode::OK } else { StatusCode::FORBIDDEN }
    }
}

/// The password of `__token__`.
fn password(headers: &HeaderMap) -> Option<String> {
    let (scheme, encoded) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    (scheme.eq_ignore_ascii_case("basic") && user == "__token__").then(|| password.to_owned())
}

/// PEP 503.
fn canonical(name: &str) -> String {
    let mut canonical = String::new();
    for letter in name.chars().map(|letter| letter.to_ascii_lowercase()) {
        match letter {
            '-' | '_' | '.' if canonical.ends_with('-') => {}
            '-' | '_' | '.' => canonical.push('-'),
            letter => canonical.push(letter),
        }
    }
    canonical
}
