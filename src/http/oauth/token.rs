//! `POST /oauth/token`: RFC 8693 token exchange and the RFC 7523 JWT bearer grant.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::super::state::Public;
use super::asked::{registry, wanted};
use super::details::{self, Detail};
use crate::broker::{Audience, ExchangeRequest};
use crate::denial::{Denial, Reason};
use crate::http::request::body::Form;
use crate::http::request::target;
use crate::http::response::error_response::ErrorResponse;
use crate::store::Slot;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SUBJECT_TYPES: [&str; 2] =
    ["urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt"];

/// RFC 8693 §2.2.1.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    issued_token_type: &'static str,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<Vec<Detail>>,
}

pub(in crate::http) async fn token(
    State(public): State<Public>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let (parts, body) = request.into_parts();
    let by_host = target::by_host(public.broker.registries(), &parts);
    let form = Form::from_request(Request::from_parts(parts, body), &public).await?;
    let grant = Grant::read(&form)?;
    let registry = registry(&form, by_host, public.broker.registries())?;
    let (wanted, in_detail) = wanted(&form, &registry)?;
    let request = ExchangeRequest {
        id_token: grant.id_token,
        registry: &registry,
        wanted: wanted.as_ref().into(),
        slot: Slot::Whole,
        audience: grant.audience,
        dialect: "oauth",
    };
    let issued = public.broker.exchange(request).await.map_err(|denial| grant.refuse(denial))?;
    let answer = Answer {
        access_token: issued.token.expose(),
        issued_token_type: ACCESS_TOKEN,
        token_type: "Bearer",
        expires_in: issued.expires_in(),
        scope: issued.scope.to_string(),
        authorization_details: in_detail.then(|| details::render(&issued.scope)),
    };
    Ok(Json(answer).into_response())
}

/// The two grants differ in parameter names, in whose audience counts, and in one error code.
struct Grant<'f> {
    id_token: &'f str,
    audience: Audience,
    denied: &'static str,
}

impl<'f> Grant<'f> {
    fn read(form: &'f Form) -> Result<Self, ErrorResponse> {
        match form.required("grant_type")? {
            TOKEN_EXCHANGE => {
                require_one_of(form.required("subject_token_type")?, "subject_token_type", &SUBJECT_TYPES)?;
                if let Some(requested) = form.one("requested_token_type")? {
                    require_one_of(requested, "requested_token_type", &[ACCESS_TOKEN])?;
                }
                if form.one("actor_token")?.is_some() || form.one("actor_token_type")?.is_some() {
                    return Err(ErrorResponse::malformed("delegation (`actor_token`) is not supported"));
                }
                let id_token = form.required("subject_token")?;
                Ok(Self { id_token, audience: Audience::RegistryOrBroker, denied: "invalid_request" })
            }
            JWT_BEARER => Ok(Self {
                id_token: form.required("assertion")?,
                audience: Audience::Broker,
                denied: "invalid_grant",
            }),
            _ => Err(ErrorResponse::malformed(
                "the grant types are token-exchange (RFC 8693) and jwt-bearer (RFC 7523)",
            )
            .with_oauth_error("unsupported_grant_type")),
        }
    }

    /// RFC 8693 §2.2.2 wants `invalid_request` for an ID token that is not accepted, RFC 7523 §3.1
    /// `invalid_grant`; scope, outages and limits have codes of their own.
    fn refuse(&self, denial: Denial) -> ErrorResponse {
        let about_the_token =
            !denial.reason.is_outage() && !matches!(denial.reason, Reason::NotCovered | Reason::RateLimited);
        let refused = ErrorResponse::from(denial);
        if about_the_token { refused.with_oauth_error(self.denied) } else { refused }
    }
}

fn require_one_of(value: &str, name: &str, known: &[&str]) -> Result<(), ErrorResponse> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(ErrorResponse::malformed(format!("`{name}` must be one of {}", known.join(", "))))
}
