//! Serves the exchange dialects of all registry kinds.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest as _, FromRequestParts as _, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, Router, on};

use super::state::{Public, method_not_allowed};
use crate::broker::{Audience, ExchangeRequest, IssuedToken};
use crate::headers::unauthenticated;
use crate::http::request::body::Whole;
use crate::http::request::target::{Target, of_kind};
use crate::http::response::error_response::ErrorResponse;
use crate::policy::RequestedScope;
use crate::registry::kinds::{Call, Dialect, Endpoint, Exchange, Minted, Operation, Reply};
use crate::registry::{Actions, Registry, RegistryKind};
use crate::store::Slot;
use crate::token::RegistryToken;

/// Returns the kinds that have a dialect.
pub(super) fn all() -> impl Iterator<Item = (RegistryKind, &'static Dialect)> {
    RegistryKind::ALL.into_iter().filter_map(|kind| Some((kind, kind.spec().dialect?)))
}

/// Returns the paths of all endpoints, as metrics name them.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    all().flat_map(|(_, dialect)| dialect.endpoints.iter().map(|endpoint| endpoint.path))
}

/// Returns the routes of one kind.
pub(super) fn router(kind: RegistryKind, dialect: &'static Dialect) -> Router<Public> {
    let routes = dialect.endpoints.iter().fold(Router::new(), |router, endpoint| {
        let method = match endpoint.method {
            "GET" => MethodFilter::GET,
            "DELETE" => MethodFilter::DELETE,
            _ => MethodFilter::POST,
        };
        let handler =
            move |State(public): State<Public>, request| serve(public, kind, dialect, endpoint, request);
        router.route(endpoint.path, on(method, handler))
    });
    routes.method_not_allowed_fallback(method_not_allowed)
}

async fn serve(
    public: Public,
    kind: RegistryKind,
    dialect: &Dialect,
    endpoint: &Endpoint,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let (mut parts, body) = request.into_parts();
    let Target { registry, host } = of_kind(public.broker.registries(), &parts, kind)?;
    let name = package_name(endpoint, &mut parts).await?;
    if let Some(check) = endpoint.check {
        check(&parts.headers)?;
    }
    let reads_body = match endpoint.operation {
        Operation::Exchange { reads_body, .. } | Operation::Revoke { reads_body, .. } => reads_body,
        Operation::Describe(_) => false,
    };
    let malformed_body = |mut response: ErrorResponse| {
        response.status = response.status.or(dialect.malformed_body);
        response
    };
    let body = if reads_body {
        Whole::from_request(Request::new(body), &public).await.map_err(malformed_body)?.0
    } else {
        Default::default()
    };
    let base_url =
        host.map_or_else(|| public.broker.public_url().to_owned(), |host| format!("https://{host}"));
    let call = Call {
        registry: &registry,
        base_url: &base_url,
        headers: &parts.headers,
        name: &name,
        query: parts.uri.query().unwrap_or(""),
        body: &body,
    };
    match &endpoint.operation {
        Operation::Exchange { read, write, .. } => {
            let exchange = read(&call).map_err(|rejection| malformed_body(rejection.into()))?;
            let issued = mint(&public, kind, &registry, exchange).await?;
            let minted = Minted {
                token: issued.token.expose(),
                registry: &registry.id,
                minted_ms: issued.minted_ms,
                expires: issued.expires,
                actions: issued.scope.iter().fold(Actions::default(), |all, (_, actions)| all.union(actions)),
            };
            Ok(respond(write(&minted)))
        }
        Operation::Revoke { read, requires_token_form, status, .. } => {
            let token = read(&call).map_err(|rejection| malformed_body(rejection.into()))?;
            if *requires_token_form
                && RegistryToken::parse(&registry.token_prefix, RegistryToken::trim_pasted(&token)).is_none()
            {
                let detail = "the `Authorization` header does not hold a token of this registry";
                return Err(unauthenticated(detail).into());
            }
            public.broker.revoke(&token, kind.as_str()).await?;
            Ok(status.into_response())
        }
        Operation::Describe(describe) => Ok(respond(describe(&call)?)),
    }
}

/// Reads the package name at the end of the path, if the endpoint has one there.
async fn package_name(endpoint: &Endpoint, parts: &mut Parts) -> Result<String, ErrorResponse> {
    if !endpoint.path.contains("{*") {
        return Ok(String::new());
    }
    let name = Path::<String>::from_request_parts(parts, &()).await;
    let Path(name) = name.map_err(|_| ErrorResponse::malformed("the package name is not UTF-8"))?;
    Ok(name)
}

async fn mint(
    public: &Public,
    kind: RegistryKind,
    registry: &Arc<Registry>,
    Exchange { id_token, package }: Exchange<'_>,
) -> Result<IssuedToken, ErrorResponse> {
    let wanted = package.as_ref().map_or(RequestedScope::Everything, RequestedScope::Package);
    let request = ExchangeRequest {
        id_token: &id_token,
        registry,
        wanted,
        slot: package.clone().map_or(Slot::Whole, Slot::Package),
        audience: Audience::Registry,
        dialect: kind.as_str(),
    };
    Ok(public.broker.exchange(request).await?)
}

fn respond(Reply { status, content_type, body }: Reply) -> Response {
    (status, [(CONTENT_TYPE, content_type)], Json(body)).into_response()
}
