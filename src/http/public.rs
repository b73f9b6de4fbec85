//! The public door: for jobs, scanners and registries.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, MatchedPath, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, any, get, post};
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
}

impl FromRef<Public> for BodyLimit {
    fn from_ref(public: &Public) -> Self {
        public.body_limit
    }
}

/// `limits.request_timeout`.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestTimeout(pub(super) Duration);

const INTROSPECT: &str = "/oauth/introspect";
const METADATA: &str = "/.well-known/oauth-authorization-server";

/// The routes, as metrics name them; everything else is `other`.
const ROUTES: [&str; 8] = [
    "/oauth/token",
    INTROSPECT,
    "/oauth/revoke",
    METADATA,
    "/_/oidc/audience",
    "/_/oidc/mint-token",
    "/_/oidc/burn-token",
    "/.well-known/pytp",
];

/// The public door's router.
pub(super) fn router(broker: Arc<Broker>, limits: &Limits, trusted_proxies: &[IpNet]) -> Router {
    let public = Public { broker, body_limit: BodyLimit(limits.body_bytes) };
    let by_network = rate_limit::layer(
        rate_limit::ByNetwork::new(trusted_proxies),
        limits.requests_per_second,
        limits.request_burst,
    );
    let by_client =
        rate_limit::layer(rate_limit::ByClient, limits.introspections_per_second, limits.introspection_burst);
    // The time-out and the render layer are the outermost of each group, so that whatever refuses, a
    // handler, a limit or the clock, is heard in the words of the route's clients.
    let timed = || from_fn_with_state(RequestTimeout(limits.request_timeout), timed);
    let in_oauth = || map_response(|response: Response| async { oauth(response) });
    let in_problem =
        |denied| map_response(move |response: Response| async move { problem(response, denied) });

    let introspection = native::Introspection {
        clients: Router::new()
            .route(INTROSPECT, post(native::introspection).layer(by_client))
            .method_not_allowed_fallback(method_not_allowed)
            .with_state(public.clone()),
        strangers: Router::new().route(INTROSPECT, any(native::refuse).layer(by_network.clone())),
    };
    // RFC 8414 §3.1: the well-known part comes before the identifier's path, if it has one.
    let path = url::Url::parse(&public.broker.public_url).map_or(String::new(), |url| url.path().to_owned());
    let metadata_of_path = format!("{METADATA}{}", path.trim_end_matches('/'));
    let native = Router::new()
        .route("/oauth/token", post(native::token))
        .route("/oauth/revoke", post(native::revoke))
        .route(&metadata_of_path, get(native::metadata))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(by_network.clone())
        .route(
            INTROSPECT,
            any(move |State(public): State<Public>, request: Request| async move {
                introspection.dispatch(&public, request).await
            }),
        )
        .layer(timed())
        .layer(in_oauth());
    let dialects = dialects::pypi::routes()
        .layer(by_network.clone())
        .layer(timed())
        .layer(in_problem(dialects::pypi::DENIED));
    let fallback = any(|| async { not_found() })
        .layer(by_network)
        .layer(timed())
        .layer(in_problem(StatusCode::BAD_REQUEST));

    Router::new()
        .merge(native)
        .merge(dialects)
        .fallback_service(fallback)
        .layer(from_fn_with_state(public.clone(), counted))
        .with_state(public)
}

/// `limits.request_timeout`. Everything behind it has a shorter deadline of its own, but for the
/// client that sends the body.
pub(super) async fn timed(
    State(RequestTimeout(limit)): State<RequestTimeout>,
    request: Request,
    next: Next,
) -> Response {
    let answered = tokio::time::timeout(limit, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        Refused::malformed("the request took too long")
            .with_status(StatusCode::REQUEST_TIMEOUT)
            .into_response()
    })
}

/// What holds for every answer: nothing is cached, everything is counted.
async fn counted(
    State(public): State<Public>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let route =
        matched.and_then(|path| ROUTES.into_iter().find(|route| *route == path.as_str())).unwrap_or("other");
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    public.broker.metrics.request(route, response.status().as_u16());
    response
}

/// axum has set `Allow` by then.
pub(super) async fn method_not_allowed() -> Refused {
    Refused::malformed("this address does not answer to that method")
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}
