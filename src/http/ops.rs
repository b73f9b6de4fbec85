//! The ops listener: health and metrics. Nothing behind it changes anything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{Router, get};
use serde_json::json;

use crate::broker::Broker;
use crate::clock::rfc3339;
use crate::keyring::KeysStatus;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn router(broker: Arc<Broker>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(broker)
}

/// Ready: the store answers and the cut-offs are known. Newer policies that were refused
/// change nothing about that: the last good ones serve.
async fn ready(State(broker): State<Arc<Broker>>) -> Response {
    let store = broker.store_is_ready().await;
    let switches = broker.cut_offs().is_fresh();
    let snapshot = broker.policies().load();
    let status = if store && switches { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let refused = broker.policies().refused().map(|refused| {
        json!({
            "since": rfc3339(refused.since_ms).to_string(),
            "findings": refused.findings,
            "first": refused.first,
        })
    });
    let body = json!({
        "ready": store && switches,
        "store": store,
        "switches": switches,
        "digest": snapshot.digest().as_str(),
        "policies": snapshot.len(),
        "policies_active_since": rfc3339(broker.policies().activated_ms()).to_string(),
        "policies_refused": refused,
    });
    (status, Json(body)).into_response()
}

async fn metrics(State(broker): State<Arc<Broker>>) -> impl IntoResponse {
    for issuer in broker.issuers().iter() {
        let KeysStatus { usable, age, fetches } = issuer.keyring.status();
        let age = age.map(|age| age.as_secs());
        broker.metrics().issuer_keys(&issuer.settings.id, usable, age, fetches);
    }
    for reporter in broker.reporters().iter() {
        let Some(signatures) = reporter.signatures() else { continue };
        let KeysStatus { usable, age, fetches } = signatures.keyring.status();
        broker.metrics().reporter_keys(&reporter.id, usable, age.map(|age| age.as_secs()), fetches);
    }
    if let Some(waiting) = broker.notices_waiting().await {
        broker.metrics().notices_waiting(waiting);
    }
    ([(CONTENT_TYPE, OPENMETRICS)], broker.metrics().render(broker.events_waiting()))
}
