//! An exchange on the floor: verify, run the mint script, answer.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::{Form, Json};
use serde::{Deserialize, Serialize};
use trustmint::broker::{Audience, Expected, verify_id_token};
use trustmint::clock::{Clock as _, SystemClock};
use trustmint::token::{Record, RegistryToken, Tag};

use super::{Floor, bad, key};

#[derive(Deserialize)]
pub(super) struct Exchange {
    grant_type: String,
    subject_token_type: String,
    audience: String,
    subject_token: String,
}

#[derive(Serialize)]
struct IssuedToken<'a> {
    access_token: &'a str,
    issued_token_type: &'a str,
    token_type: &'a str,
    expires_in: u64,
    scope: String,
}

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

pub(super) async fn exchange(
    State(floor): State<Arc<Floor>>,
    Form(form): Form<Exchange>,
) -> Result<impl IntoResponse, StatusCode> {
    let registry = &floor.registry;
    if form.grant_type != TOKEN_EXCHANGE
        || form.subject_token_type != ID_TOKEN
        || form.audience != *registry.id
    {
        return Err(StatusCode::BAD_REQUEST);
    }
    let now_ms = SystemClock.now_ms();
    let (now, expires) = (now_ms / 1000, now_ms / 1000 + registry.token_ttl);
    let expected = Expected {
        issuers: &floor.config.issuers,
        registry,
        audience: Audience::Registry,
        public_url: &floor.config.public_url,
        max_bytes: floor.config.limits.id_token_bytes,
        now,
    };
    let verified = verify_id_token(&form.subject_token, &expected, |_| {}).await.map_err(bad)?;

    let run = verified.identity.run().cloned().ok_or(StatusCode::BAD_REQUEST)?;
    let tag = Tag::of(run.as_bytes());
    let token = RegistryToken::generate(&registry.token_prefix, tag).map_err(bad)?;
    let hash = token.hash().0;
    let mut mint = floor.mint.key(format!("trustmint:{{{}}}:epoch", tag.as_str()));
    mint.key(key(tag, "replay", &verified.replay_key)).key(key(tag, "token", &hash));
    let counter = digest(&SHA256, run.as_bytes());
    mint.key(key(tag, "counter", counter.as_ref())).key(key(tag, "run", counter.as_ref()));
    let record = Record {
        registry: Arc::clone(&registry.id),
        issuer: Arc::clone(&verified.identity.issuer.id),
        subject: Arc::clone(verified.identity.subject()),
        run: Some(run),
        id_token: None,
        scope: floor.scope.clone(),
        minted_ms: now_ms,
        expires,
        policies: floor.policies.clone(),
        digest: Arc::clone(&floor.digest),
        identity: verified.identity.payload,
    };
    let mut entry = vec![b'M'];
    serde_json::to_writer(&mut entry, &record).map_err(bad)?;
    mint.arg("").arg(&hash[..]).arg(&*registry.id).arg(entry).arg(now).arg(verified.issued_at);
    mint.arg(verified.replay_until - now).arg(registry.token_ttl + 60).arg(100).arg(expires).arg(604_800);
    let tombstone_retention = floor.config.limits.tombstone_retention();
    mint.key(format!("trustmint:{{{}}}:tombstones:{}", tag.as_str(), expires / 604_800));
    mint.arg(tombstone_retention.ttl).arg(tombstone_retention.most);
    let answer: String = mint.invoke_async(&mut floor.redis.clone()).await.map_err(bad)?;
    if answer != "minted" {
        return Err(StatusCode::BAD_REQUEST);
    }
    let issued = IssuedToken {
        access_token: token.expose(),
        issued_token_type: ACCESS_TOKEN,
        token_type: "Bearer",
        expires_in: (expires * 1000 - now_ms) / 1000,
        scope: floor.scope.to_string(),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(issued).into_response()))
}
