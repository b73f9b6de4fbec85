//! The public door: for jobs, scanners and registries.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, MatchedPath, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, get, post};
use ipnet::IpNet;

use super::body::BodyLimit;
use super::refusal::{Refused, oauth, problem};
use super::target::not_found;
use super::{dialects, oauth as native, rate_limit};
use crate::broker::Broker;
use crate::config::Limits;

/// What handlers at the public door need.
#[derive(Clone)]
pub(super) struct Public {
    pub(super) broker: Arc<Broker>,
    body_limit: BodyLimit,
    request_timeout: Duration,
}

impl FromRef<Public> for BodyLimit {
    fn from_ref(public: &Public) -> Self {
        public.body_limit
    }
}

const INTROSPECT: &str = "/oauth/introspect";

/// The routes, as metrics name them; everything else is `other`.
const ROUTES: [&str; 8] = [
    "/oauth/token",
    INTROSPECT,
    "/oauth/revoke",
    "/.well-known/oauth-authorization-server",
    "/_/oidc/audience",
    "/_/oidc/mint-token",
    "/_/oidc/burn-token",
    "/.well-known/pytp",
];

/// The public door's router.
pub(super) fn router(broker: Arc<Broker>, limits: &Limits, trusted_proxies: &[IpNet]) -> Router {
    let public =
        Public { broker, body_limit: BodyLimit(limits.body_bytes), request_timeout: limits.request_timeout };
    let by_network = rate_limit::layer(
        rate_limit::ByNetwork::new(trusted_proxies),
        limits.requests_per_second,
        limits.request_burst,
    );
    let by_client =
        rate_limit::layer(rate_limit::ByClient, limits.introspections_per_second, limits.introspection_burst);
    // The render layer is the outermost of each group, so that whatever refuses, a handler or a
    // limit, is heard in the words of the route's clients.
    let in_oauth = || map_response(|response: Response| async { oauth(response) });
    let in_problem =
        || map_response(|response: Response| async { problem(response, StatusCode::BAD_REQUEST) });

    let introspection = native::Introspection {
        clients: Router::new()
            .route(INTROSPECT, post(native::introspection).layer(by_client))
            .method_not_allowed_fallback(method_not_allowed)
            .with_state(public.clone()),
        strangers: Router::new()
            .route(INTROSPECT, axum::routing::any(native::refuse).layer(by_network.clone())),
    };
    let native = Router::new()
        .route("/oauth/token", post(native::token))
        .route("/oauth/revoke", post(native::revoke))
        .route("/.well-known/oauth-authorization-server", get(native::metadata))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(by_network.clone())
        .route(
            INTROSPECT,
            axum::routing::any(move |State(public): State<Public>, request: Request| async move {
                introspection.dispatch(&public, request).await
            }),
        )
        .layer(in_oauth());
    let dialects = dialects::pypi::routes(by_network.clone());
    let fallback = axum::routing::any(|| async { not_found() }).layer(by_network).layer(in_problem());

    Router::new()
        .merge(native)
        .merge(dialects)
        .fallback_service(fallback)
        .layer(from_fn_with_state(public.clone(), around))
        .with_state(public)
}

/// What holds for every request: a time-out, no caching, and a count.
async fn around(
    State(public): State<Public>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let route =
        matched.and_then(|path| ROUTES.into_iter().find(|route| *route == path.as_str())).unwrap_or("other");
    let mut response = match tokio::time::timeout(public.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let refused =
                Refused::malformed("the request took too long").with_status(StatusCode::REQUEST_TIMEOUT);
            problem(refused.into_response(), StatusCode::BAD_REQUEST)
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    public.broker.metrics.request(route, response.status().as_u16());
    response
}

/// axum has set `Allow` by then.
pub(super) async fn method_not_allowed() -> Refused {
    Refused::malformed("this address does not answer to that method")
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}
