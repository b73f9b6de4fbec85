//! A reporter of leaks that signs as GitHub does, with OpenSSL, and publishes its keys.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde_json::{Value, json};

use crate::broker::sha256_hex;
use crate::https::Https;
use crate::{BrokerProcess, Reply, Setup};

/// The headers of GitHub's protocol.
pub const KEY_ID: &str = "Github-Public-Key-Identifier";
/// See [`KEY_ID`].
pub const SIGNATURE: &str = "Github-Public-Key-Signature";

/// A signing key.
#[derive(Clone)]
pub struct ReporterKey {
    /// As GitHub makes it: the SHA-256 of the PEM.
    pub id: String,
    pub pem: String,
    key: PKey<Private>,
}

impl ReporterKey {
    /// On P-256.
    pub fn new() -> Self {
        Self::on(Nid::X9_62_PRIME256V1)
    }

    /// On another curve.
    pub fn on(curve: Nid) -> Self {
        let group = EcGroup::from_curve_name(curve).expect("a curve");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
        let pem = String::from_utf8(key.public_key_to_pem().expect("PEM")).expect("ASCII");
        Self { id: sha256_hex(&pem), pem, key }
    }

    /// The signature over a body, in DER.
    pub fn sign(&self, body: &[u8]) -> Vec<u8> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).expect("a signer");
        signer.sign_oneshot_to_vec(body).expect("a signature")
    }

    /// As a listing has it.
    pub fn listed(&self, is_current: bool) -> Value {
        json!({ "key_identifier": self.id, "key": self.pem, "is_current": is_current })
    }
}

impl Default for ReporterKey {
    fn default() -> Self {
        Self::new()
    }
}

/// A listing of keys.
pub fn listing<'k>(keys: impl IntoIterator<Item = &'k ReporterKey>) -> Value {
    json!({ "public_keys": keys.into_iter().map(|key| key.listed(true)).collect::<Vec<_>>() })
}

/// What a reporter's key endpoint does.
#[derive(Clone, Debug)]
pub enum Endpoint {
    Lists(Value),
    Says(u16, String),
    Stalls,
}

/// A reporter: a key, and an endpoint over https that lists it.
pub struct Reporter {
    pub key: ReporterKey,
    pub server: Https,
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: Mutex<Endpoint>,
    fetches: AtomicUsize,
}

impl Reporter {
    /// Starts one that lists its key.
    pub async fn start() -> Self {
        let key = ReporterKey::new();
        let endpoint = Mutex::new(Endpoint::Lists(listing([&key])));
        let shared = Arc::new(Shared { endpoint, fetches: AtomicUsize::new(0) });
        let router = Router::new().route("/keys", get(keys)).with_state(Arc::clone(&shared));
        Self { key, server: Https::serve(router).await, shared }
    }

    /// What its endpoint does from now on.
    pub fn endpoint(&self, endpoint: Endpoint) {
        *self.shared.endpoint.lock().expect("lock") = endpoint;
    }

    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::Relaxed)
    }

    /// A setup that trusts it as `[reporters.github]`, and as nothing else.
    pub fn trusted_by(&self, mut setup: Setup) -> Setup {
        setup.registries.push_str(&format!(
            "\n[reporters.github]\nkind = \"github\"\nkeys_url = \"{}/keys\"\nca_file = \"reporter-ca.pem\"\n\
             allow_private = [\"127.0.0.0/8\"]\n",
            self.server.url
        ));
        setup.files.push(("reporter-ca.pem".to_owned(), self.server.ca.clone()));
        setup
    }
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    shared.fetches.fetch_add(1, Ordering::Relaxed);
    let endpoint = shared.endpoint.lock().expect("lock").clone();
    match endpoint {
        Endpoint::Lists(listing) => axum::Json(listing).into_response(),
        Endpoint::Says(status, text) => {
            (StatusCode::from_u16(status).expect("a status"), text).into_response()
        }
        Endpoint::Stalls => std::future::pending().await,
    }
}

/// A setup whose `[reporters.github]` has these keys from a file.
pub fn with_keys_file<'k>(mut setup: Setup, keys: impl IntoIterator<Item = &'k ReporterKey>) -> Setup {
    setup
        .registries
        .push_str("\n[reporters.github]\nkind = \"github\"\nkeys_file = \"reporter-keys.json\"\n");
    setup.files.push(("reporter-keys.json".to_owned(), listing(keys).to_string()));
    setup
}

/// One record about each of these tokens, as GitHub writes it.
pub fn report<'t>(tokens: impl IntoIterator<Item = &'t str>) -> Value {
    let record = |token: &str| json!({ "token": token, "type": "exm_pypi", "url": "https://example.com/acme/leaky/blob/main/.env", "source": "commit" });
    tokens.into_iter().map(record).collect()
}

impl BrokerProcess {
    /// Posts a signed report to an address.
    pub async fn leaks_at(&self, path: &str, key: &ReporterKey, body: &str) -> Reply {
        let signature = STANDARD.encode(key.sign(body.as_bytes()));
        let request = self.http().post(format!("{}{path}", self.public));
        let request = request.header(KEY_ID, &key.id).header(SIGNATURE, signature);
        self.send(request.header("content-type", "application/json").body(body.to_owned())).await
    }

    /// Posts a signed report to `[reporters.github]`.
    pub async fn leaks(&self, key: &ReporterKey, report: &Value) -> Reply {
        self.leaks_at("/leaks/github", key, &report.to_string()).await
    }
}

/// The labels of an answer.
pub fn labels(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = reply.json();
    let label = |item: &Value| item["label"].as_str().expect("a label").to_owned();
    answer.as_array().expect("an array").iter().map(label).collect()
}

/// CRC-32 (IEEE), bit by bit, so that it owes nothing to the product's.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
