//! The public listener: for jobs, scanners and registries.

use std::sync::Arc;

use axum::extract::State;
use axum::handler::Handler as _;
use axum::middleware::from_fn_with_state;
use axum::routing::{Router, any, get, post};
use ipnet::IpNet;

use super::routes::{INTROSPECT, METADATA};
use super::state::{Public, method_not_allowed};
use crate::broker::Broker;
use crate::http::request::body::BodyLimit;
use crate::http::request::report_body::ReportReader;
use crate::http::request::target::not_found;
use crate::http::request::{client_auth, rate_limit};
use crate::http::response::error_pages;
use crate::http::response::error_response::bad_request;
use crate::http::response::middleware::{self, ErrorFormat, RouteContext};
use crate::http::{dialects, forward_auth, leaks, oauth as native};
use crate::settings::Limits;

/// The public listener's router.
pub(super) fn router(broker: Arc<Broker>, limits: &Limits, trusted_proxies: &[IpNet]) -> Router {
    let body_limit = BodyLimit(limits.body_bytes);
    let public = Public { broker, body_limit, report_reader: ReportReader::new(limits, trusted_proxies) };
    let by_network = rate_limit::layer(
        rate_limit::ByNetwork::new(trusted_proxies),
        limits.requests_per_second,
        limits.request_burst,
    );
    let by_client =
        rate_limit::layer(rate_limit::ByClient, limits.introspections_per_second, limits.introspection_burst);
    let public_url: Arc<str> = public.broker.public_url().into();
    let route_context_for = |limit, words| {
        let metrics = Arc::clone(public.broker.metrics());
        let public_url = Arc::clone(&public_url);
        from_fn_with_state(RouteContext { metrics, limit, words, public_url }, middleware::with_route_context)
    };
    let with_route_context = |words| route_context_for(limits.request_timeout, words);
    let clients = native::introspect.layer(by_client.clone());
    let strangers = client_auth::refuse.layer(by_network.clone());
    let introspect = {
        let strangers = strangers.clone();
        any(move |State(public), request| client_auth::post_by_client(public, request, clients, strangers))
    };
    let proxies = forward_auth::answer.layer(by_client.clone());
    let scanners = leaks::verify.layer(by_client);
    let verify = {
        let strangers = strangers.clone();
        any(move |State(public), request| client_auth::post_by_client(public, request, scanners, strangers))
    };
    let forward_auth =
        any(move |State(public), request| forward_auth::ask(public, request, proxies, strangers));
    // RFC 8414 §3.1: the well-known part comes before the identifier's path, if it has one.
    let path = url::Url::parse(public.broker.public_url()).map_or(String::new(), |url| url.path().to_owned());
    let metadata_of_path = format!("{METADATA}{}", path.trim_end_matches('/'));
    let native = Router::new()
        .route("/oauth/token", post(native::token))
        .route("/oauth/revoke", post(native::revoke))
        .route("/explain", post(native::explain))
        .route(&metadata_of_path, get(native::metadata))
        .method_not_allowed_fallback(method_not_allowed)
        .layer((with_route_context(ErrorFormat::OAuth), by_network.clone()))
        .route(INTROSPECT, introspect.layer(with_route_context(ErrorFormat::OAuth)));
    let fallback = any(|| async { not_found() });
    let fallback =
        fallback.layer((with_route_context(ErrorFormat::Problem(bad_request)), by_network.clone()));

    let errors = Router::new()
        .route(error_pages::ROUTE, get(error_pages::page))
        .method_not_allowed_fallback(method_not_allowed)
        .layer((with_route_context(ErrorFormat::Problem(bad_request)), by_network.clone()));
    let forwarded = with_route_context(ErrorFormat::Problem(forward_auth::denied));
    let holders = rate_limit::layer(
        rate_limit::ByNetwork::new(trusted_proxies),
        limits.holder_reports_per_second,
        limits.holder_report_burst,
    );
    let denied = ErrorFormat::Problem(leaks::denied);
    // Their handlers have deadlines of their own, and words for them; this one is never reached.
    let report_timeout = limits.request_timeout + limits.report_timeout + limits.request_timeout;
    let around_reports = route_context_for(report_timeout, denied);
    let holder = Router::new().route(leaks::HOLDER, post(leaks::holder));
    let holder = holder.method_not_allowed_fallback(method_not_allowed);
    let mut router = Router::new()
        .merge(native)
        .merge(errors)
        .merge(leaks::reporters().layer((around_reports.clone(), by_network.clone())))
        .merge(holder.layer((around_reports, holders)))
        .route(leaks::VERIFY, verify.layer(with_route_context(denied)))
        .route(forward_auth::ROUTE, forward_auth.layer(forwarded));
    for (kind, dialect) in dialects::all() {
        let context = with_route_context(ErrorFormat::Problem(dialect.denied));
        router = router.merge(dialects::router(kind, dialect).layer((context, by_network.clone())));
    }
    router.fallback_service(fallback).with_state(public)
}
