//! `POST /oauth/introspect` (RFC 7662).

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::state::Public;
use super::details::{self, Detail};
use crate::broker::{Active, Introspection as Found};
use crate::denial::{Denial, Reason};
use crate::http::request::body::Form;
use crate::http::request::client_auth::Authenticated;
use crate::http::response::error_response::ErrorResponse;

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
    // `publisher` follows, which is JSON already.
}

/// Room for what is around the publisher in a usual answer.
const USUAL_ANSWER: usize = 512;

#[derive(Serialize)]
struct Inactive {
    active: bool,
}

/// Answers an authenticated client of a registry.
pub(in crate::http) async fn introspect(
    State(public): State<Public>,
    axum::Extension(Authenticated { registry, .. }): axum::Extension<Authenticated>,
    form: Form,
) -> Result<Response, ErrorResponse> {
    let token = form.required("token")?;
    Ok(match public.broker.introspect(&registry, token).await? {
        Found::Inactive => Json(Inactive { active: false }).into_response(),
        Found::Active(active) => answer(&public, &active)?,
    })
}

fn answer(public: &Public, Active { id, record }: &Active) -> Result<Response, ErrorResponse> {
    let answer = Answer {
        active: true,
        scope: record.scope.to_string(),
        authorization_details: details::render(&record.scope),
        token_type: "Bearer",
        iss: public.broker.public_url(),
        aud: &record.registry,
        sub: &record.subject,
        iat: record.minted(),
        exp: record.expires,
        jti: id.as_str(),
    };
    let mut json = Vec::with_capacity(USUAL_ANSWER + record.identity.len());
    let written = serde_json::to_writer(&mut json, &answer)
        .and_then(|()| push_publisher(&mut json, &record.issuer, &record.identity));
    match written {
        Ok(()) => Ok(([(CONTENT_TYPE, "application/json")], json).into_response()),
        Err(error) => {
            Err(Denial::new(Reason::Overloaded, "the answer cannot be written").internal(error).into())
        }
    }
}

/// Adds the member `publisher` to a JSON object: the issuer's id and its claims, flat, by their own
/// names. A claim that is called `issuer` yields to the issuer's id.
fn push_publisher(json: &mut Vec<u8>, issuer: &str, payload: &str) -> serde_json::Result<()> {
    // In the place of the closing brace.
    json.pop();
    json.extend_from_slice(b",\"publisher\":");
    // Where no name can spell `issuer`, escaped or not, the payload is repeated as it was signed.
    let plain = !payload.contains('\\') && !payload.contains("\"issuer\"");
    let members = payload
        .trim_start()
        .strip_prefix('{')
        .filter(|members| plain && members.trim_start().starts_with('"'));
    match members {
        Some(members) => {
            json.extend_from_slice(b"{\"issuer\":");
            serde_json::to_writer(&mut *json, issuer)?;
            json.push(b',');
            json.extend_from_slice(members.as_bytes());
        }
        None => {
            let mut claims: Map<String, Value> = serde_json::from_str(payload)?;
            claims.insert("issuer".to_owned(), issuer.into());
            serde_json::to_writer(&mut *json, &claims)?;
        }
    }
    json.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::push_publisher;

    #[test]
    fn claim_cannot_replace_the_issuer_id() {
        for (payload, expected) in [
            (r#"{"sub":"x","n":1}"#, json!({ "issuer": "github", "sub": "x", "n": 1 })),
            (r#"{}"#, json!({ "issuer": "github" })),
            (r#" { "sub" : "x" } "#, json!({ "issuer": "github", "sub": "x" })),
            (r#"{"issuer":"evil","sub":"x"}"#, json!({ "issuer": "github", "sub": "x" })),
            (
                r#"{"\u0069ssuer":"evil","a":[true,null,{"b":2.5}]}"#,
                json!({ "issuer": "github", "a": [true, null, { "b": 2.5 }] }),
            ),
        ] {
            let mut answer = br#"{"active":true}"#.to_vec();
            push_publisher(&mut answer, "github", payload).expect("JSON");
            let text = String::from_utf8(answer).expect("UTF-8");
            let read: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(read, json!({ "active": true, "publisher": expected }), "{text}");
            // A parser that takes the first of two would be misled otherwise.
            assert_eq!(text.matches("ssuer").count(), 1, "{text}");
        }
    }
}
