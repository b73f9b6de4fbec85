//! `POST /oauth/introspect` (RFC 7662).

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::http::header::ALLOW;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::body::Form;
use super::super::public::{Public, method_not_allowed};
use super::super::refusal::Refused;
use super::client_auth::{Authenticated, authenticate};
use super::details::{self, Detail};
use crate::broker::{Active, Introspection as Found};

/// Sends a request through the limits that fit its sender: whoever proves to be a client is limited
/// as that client, everybody else by network.
pub(in crate::http) async fn introspect<C, S>(
    public: Public,
    mut request: Request,
    clients: impl Handler<C, Public>,
    strangers: impl Handler<S, Public>,
) -> Response {
    match authenticate(&public.broker.registries, request.headers()) {
        Ok(_) if request.method() != Method::POST => {
            ([(ALLOW, "POST")], method_not_allowed().await).into_response()
        }
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

/// RFC 7662 §2.2, RFC 9396 §9.2.
#[derive(Serialize)]
struct Answer<'a> {
    active: bool,
    scope: String,
    authorization_details: Vec<Detail>,
    token_type: &'static str,
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
    publisher: Box<RawValue>,
}

#[derive(Serialize)]
struct Inactive {
    active: bool,
}

pub(in crate::http) async fn introspection(
    State(public): State<Public>,
    axum::Extension(Authenticated { registry, .. }): axum::Extension<Authenticated>,
    form: Form,
) -> Result<Response, Refused> {
    let token = form.required("token")?;
    Ok(match public.broker.introspect(&registry, token).await? {
        Found::Inactive => Json(Inactive { active: false }).into_response(),
        Found::Active(active) => answer(&public, &active),
    })
}

/// What strangers get, once their network's limit allows it.
pub(in crate::http) async fn refuse(
    axum::Extension(refused): axum::Extension<Refused>,
    _: Request<Body>,
) -> Refused {
    refused
}

fn answer(public: &Public, Active { id, record }: &Active) -> Response {
    Json(Answer {
        active: true,
        scope: record.scope.to_string(),
        authorization_details: details::render(&record.scope),
        token_type: "Bearer",
        iss: &public.broker.public_url,
        aud: &record.registry,
        sub: &record.subject,
        iat: record.minted(),
        exp: record.expires,
        jti: id.as_str(),
        publisher: publisher(&record.issuer, &record.identity),
    })
    .into_response()
}

/// The issuer's id and its claims, flat, by their own names. A claim that is called `issuer` yields
/// to the issuer's id.
fn publisher(issuer: &str, payload: &str) -> Box<RawValue> {
    let id = serde_json::to_string(issuer).unwrap_or_default();
    // Where no name can spell `issuer`, escaped or not, the payload is repeated as it was signed.
    let plain = !payload.contains('\\') && !payload.contains("\"issuer\"");
    let members = payload
        .trim_start()
        .strip_prefix('{')
        .filter(|members| plain && members.trim_start().starts_with('"'));
    let text = match members {
        Some(members) => format!("{{\"issuer\":{id},{members}"),
        None => {
            let mut claims: Map<String, Value> = serde_json::from_str(payload).unwrap_or_default();
            claims.insert("issuer".to_owned(), issuer.into());
            Value::Object(claims).to_string()
        }
    };
    RawValue::from_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::publisher;

    #[test]
    fn no_claim_can_pose_as_the_issuers_id() {
        for (payload, expected) in [
            (r#"{"sub":"x","n":1}"#, r#"{"issuer":"github","sub":"x","n":1}"#),
            (r#"{}"#, r#"{"issuer":"github"}"#),
            (r#" { "sub" : "x" } "#, r#"{"issuer":"github", "sub" : "x" }"#),
            (r#"{"issuer":"evil","sub":"x"}"#, r#"{"issuer":"github","sub":"x"}"#),
            (
                r#"{"\u0069ssuer":"evil","a":[true,null,{"b":2.5}]}"#,
                r#"{"a":[true,null,{"b":2.5}],"issuer":"github"}"#,
            ),
        ] {
            assert_eq!(publisher("github", payload).get().trim(), expected);
        }
    }
}
