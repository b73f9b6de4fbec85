//! An introspection on the floor: authenticate the client, get the record, answer.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Form, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redis::AsyncCommands as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use trustmint::clock::{Clock as _, SystemClock};
use trustmint::registry::Action;
use trustmint::token::{Record, RegistryToken, TokenId};

use super::{Floor, bad, key};

#[derive(Deserialize)]
pub(super) struct Introspect {
    token: String,
}

#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    scope: String,
    authorization_details: Vec<Detail<'a>>,
    token_type: &'a str,
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
    publisher: Box<RawValue>,
}

#[derive(Serialize)]
struct Detail<'a> {
    r#type: &'a str,
    identifier: &'a str,
    actions: Vec<&'a str>,
}

pub(super) async fn introspect(
    State(floor): State<Arc<Floor>>,
    headers: HeaderMap,
    Form(form): Form<Introspect>,
) -> Result<impl IntoResponse, StatusCode> {
    authenticate(&floor, &headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let token = RegistryToken::parse(&floor.registry.token_prefix, &form.token);
    let token = token.ok_or(StatusCode::BAD_REQUEST)?;
    let hash = token.hash();
    let entry: Vec<u8> = floor.redis.clone().get(key(token.tag(), "token", &hash.0)).await.map_err(bad)?;
    let json = entry.strip_prefix(b"M").ok_or(StatusCode::BAD_REQUEST)?;
    let record: Record = serde_json::from_slice(json).map_err(bad)?;
    if record.is_expired(SystemClock.now()) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let details = record.scope.iter().map(|(package, actions)| Detail {
        r#type: "package",
        identifier: package.as_str(),
        actions: actions.iter().map(Action::as_str).collect(),
    });
    let publisher = format!("{{\"issuer\":\"{}\",{}", record.issuer, &record.identity[1..]);
    let id = TokenId::from(hash);
    let active = Active {
        active: true,
        scope: record.scope.to_string(),
        authorization_details: details.collect(),
        token_type: "Bearer",
        iss: &floor.config.public_url,
        aud: &record.registry,
        sub: &record.subject,
        iat: record.minted(),
        exp: record.expires,
        jti: id.as_str(),
        publisher: RawValue::from_string(publisher).map_err(bad)?,
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(active).into_response()))
}

fn authenticate(floor: &Floor, headers: &HeaderMap) -> Option<()> {
    let credentials = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let credentials = STANDARD.decode(credentials).ok()?;
    let colon = credentials.iter().position(|byte| *byte == b':')?;
    let (id, secret) = (std::str::from_utf8(&credentials[..colon]).ok()?, &credentials[colon + 1..]);
    floor.config.registries.client(id)?.1.accepts(secret).then_some(())
}
