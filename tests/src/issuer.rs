//! An issuer over https, built on another JOSE library than the product's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::https::Https;
use crate::keys::{self, Key};

/// A running issuer; it ends when dropped.
pub struct Issuer {
    /// `iss`.
    pub url: String,
    /// Its authority's certificate, in PEM.
    pub ca: String,
    /// The key it signs with.
    pub key: Key,
    shared: Arc<Shared>,
    server: Https,
}

/// What its endpoints share with the test.
struct Shared {
    url: String,
    jwks: Mutex<Value>,
    /// What the discovery document says beside or instead of the usual.
    announced: Mutex<Value>,
    /// Headers of the key set.
    headers: Mutex<HeaderMap>,
    down: Mutex<bool>,
    jwks_fetches: AtomicUsize,
    connections: AtomicUsize,
    /// Claims of the tokens that `/token` signs, all but `aud`.
    ambient: Mutex<Option<Value>>,
    key: Key,
}

impl Issuer {
    /// Starts one with an RSA key.
    pub async fn start() -> Self {
        Self::with_key(keys::rsa().clone()).await
    }

    /// Starts one with this key.
    pub async fn with_key(key: Key) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = Https::url_of(&listener);
        let shared = Arc::new(Shared {
            url: url.clone(),
            jwks: Mutex::new(keys::jwks([&key])),
            announced: Mutex::new(json!({})),
            headers: Mutex::default(),
            down: Mutex::new(false),
            jwks_fetches: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            ambient: Mutex::new(None),
            key: key.clone(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", get(ambient_token))
            .with_state(Arc::clone(&shared));
        let counted = Arc::clone(&shared);
        let server = Https::serve_at(listener, router, move || {
            counted.connections.fetch_add(1, Ordering::Relaxed);
        });
        Self { url, ca: server.ca.clone(), key, shared, server }
    }

    /// An ID token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.key.sign(claims)
    }

    /// An ID token of a release job of `acme/widget`, for this audience.
    pub fn id_token(&self, audience: &str) -> String {
        self.sign(&crate::github(&self.url, audience))
    }

    /// An ID token of that job with some claims changed; `null` takes a claim away.
    pub fn id_token_with(&self, audience: &str, changes: &Value) -> String {
        self.sign(&changed(crate::github(&self.url, audience), changes))
    }

    /// Changes the published keys.
    pub fn publish(&self, keys: Value) {
        *self.shared.jwks.lock().expect("lock") = keys;
    }

    /// Sends its keys with this `Cache-Control`.
    pub fn set_cache_control(&self, value: &str) {
        let value = HeaderValue::from_str(value).expect("a header");
        self.shared.headers.lock().expect("lock").insert(CACHE_CONTROL, value);
    }

    /// Changes the discovery document; `null` takes a member away.
    pub fn announce(&self, changes: Value) {
        *self.shared.announced.lock().expect("lock") = changes;
    }

    /// Sends these headers with the key set.
    pub fn publish_with(&self, headers: HeaderMap) {
        *self.shared.headers.lock().expect("lock") = headers;
    }

    /// Answers 503 to everything, or serves again.
    pub fn set_down(&self, down: bool) {
        *self.shared.down.lock().expect("lock") = down;
    }

    /// How often the keys were fetched.
    pub fn jwks_fetches(&self) -> usize {
        self.shared.jwks_fetches.load(Ordering::Relaxed)
    }

    /// How often someone connected.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Lets `GET /token?audience=…` answer as GitHub's `ACTIONS_ID_TOKEN_REQUEST_URL` does.
    pub fn serve_ambient(&self, claims: Value) {
        *self.shared.ambient.lock().expect("lock") = Some(claims);
    }

    /// An address whose port is closed, for an issuer that cannot be reached.
    pub fn stop(&self) {
        self.server.stop();
    }
}

/// Lays changes over claims; `null` takes a claim away.
pub fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// Like GitHub's, it has no `authorization_endpoint`.
async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    if *shared.down.lock().expect("lock") {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let usual = json!({
        "issuer": shared.url,
        "jwks_uri": format!("{}/jwks", shared.url),
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
    });
    Json(changed(usual, &shared.announced.lock().expect("lock"))).into_response()
}

async fn jwks(State(shared): State<Arc<Shared>>) -> Response {
    shared.jwks_fetches.fetch_add(1, Ordering::Relaxed);
    if *shared.down.lock().expect("lock") {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let headers = shared.headers.lock().expect("lock").clone();
    (headers, Json(shared.jwks.lock().expect("lock").clone())).into_response()
}

async fn ambient_token(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<std::collections::HashMap<String, String>>,
) -> Response {
    let (Some(claims), Some(audience)) =
        (shared.ambient.lock().expect("lock").clone(), query.get("audience"))
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let token = shared.key.sign(&changed(claims, &json!({ "aud": audience })));
    Json(json!({ "count": token.len(), "value": token })).into_response()
}
