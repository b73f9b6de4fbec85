//! Registry clients: how they prove who they are, and how they are limited.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::header::{ALLOW, AUTHORIZATION};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode_str;

use crate::headers::{basic_pair, single_header, unauthenticated};
use crate::http::response::error_response::ErrorResponse;
use crate::http::state::{Public, method_not_allowed};
use crate::registry::{Client, Registries, Registry, SecretHash};

/// How a proxy shows who it is: `<client id>:<secret>`.
const CLIENT_HEADER: &str = "trustmint-client";

/// A registry client that proved who it is.
#[derive(Clone, Debug)]
pub(in crate::http) struct Authenticated {
    pub(in crate::http) registry: Arc<Registry>,
    pub(in crate::http) client: Arc<str>,
}

/// `client_secret_basic` (RFC 6749 §2.3.1), whose id and secret are form-encoded.
fn by_basic(registries: &Registries, headers: &HeaderMap) -> Result<Authenticated, ErrorResponse> {
    let form_decoded =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(Cow::into_owned);
    let shown = single_header(headers, AUTHORIZATION.as_str())
        .and_then(|line| {
            let (scheme, encoded) = line.split_once(' ')?;
            scheme.eq_ignore_ascii_case("basic").then(|| basic_pair(encoded))?
        })
        .and_then(|(id, secret)| Some((form_decoded(&id)?, form_decoded(&secret)?)));
    authenticate(registries, shown.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str())))
}

/// The proxy's own header: `Authorization` is taken by the client whose request it asks about.
pub(in crate::http) fn by_header(
    registries: &Registries,
    headers: &HeaderMap,
) -> Result<Authenticated, ErrorResponse> {
    authenticate(registries, single_header(headers, CLIENT_HEADER).and_then(|line| line.split_once(':')))
}

/// What is said to anyone who is not a client, whatever was wrong.
pub(in crate::http) fn stranger() -> ErrorResponse {
    unauthenticated("this endpoint answers authenticated registry clients only").into()
}

fn authenticate(
    registries: &Registries,
    shown: Option<(&str, &str)>,
) -> Result<Authenticated, ErrorResponse> {
    let (id, secret) = shown.ok_or_else(stranger)?;
    let Some((registry, client)) = registries.client(id) else {
        // The same work as for a client that exists.
        let nobody = Client { id: String::new(), secrets: vec![SecretHash([0; 32])] };
        let _ = nobody.accepts(secret.as_bytes());
        return Err(stranger());
    };
    if !client.accepts(secret.as_bytes()) {
        return Err(stranger());
    }
    Ok(Authenticated { registry: Arc::clone(registry), client: client.id.as_str().into() })
}

/// Serves a client of a registry that authenticates itself by `client_secret_basic`, by POST only. A request
/// that is not authenticated learns nothing else about itself.
pub(in crate::http) async fn post_by_client<C, S>(
    public: Public,
    request: Request,
    clients: impl Handler<C, Public>,
    strangers: impl Handler<S, Public>,
) -> Response {
    let sender = by_basic(public.broker.registries(), request.headers());
    if sender.is_ok() && request.method() != Method::POST {
        return ([(ALLOW, "POST")], method_not_allowed().await).into_response();
    }
    limited(public, request, sender, clients, strangers).await
}

/// Sends a request through the limits that fit its sender: anyone who proves to be a client is limited
/// as that client, everyone else by network.
pub(in crate::http) async fn limited<C, S>(
    public: Public,
    mut request: Request,
    sender: Result<Authenticated, ErrorResponse>,
    clients: impl Handler<C, Public>,
    strangers: impl Handler<S, Public>,
) -> Response {
    match sender {
        Ok(client) => {
            request.extensions_mut().insert(client);
            clients.call(request, public).await
        }
        Err(refused) => {
            request.extensions_mut().insert(refused);
            strangers.call(request, public).await
        }
    }
}

/// What strangers get, once their network's limit allows it.
pub(in crate::http) async fn refuse(
    axum::Extension(refused): axum::Extension<ErrorResponse>,
    _: Request<Body>,
) -> ErrorResponse {
    refused
}
