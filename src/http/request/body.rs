//! Request bodies: bounded, read whole, and refused in the caller's words.

use axum::body::{Body, Bytes};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::headers::media_type;
use crate::http::response::error_response::ErrorResponse;

/// `limits.body_bytes`.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct BodyLimit(pub(in crate::http) usize);

/// The whole body.
pub(in crate::http) struct Whole(pub(in crate::http) Bytes);

impl<S> FromRequest<S> for Whole
where
    BodyLimit: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ErrorResponse;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, ErrorResponse> {
        let BodyLimit(limit) = BodyLimit::from_ref(state);
        match Limited::new(request.into_body(), limit).collect().await {
            Ok(body) => Ok(Self(body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(ErrorResponse::malformed(format!("the body has more than {limit} bytes"))
                    .with_status(StatusCode::PAYLOAD_TOO_LARGE))
            }
            Err(_) => Err(ErrorResponse::malformed("the body could not be read")),
        }
    }
}

/// A JSON body, whatever its `Content-Type` says: several clients send none.
pub(in crate::http) struct LooseJson<T>(pub(in crate::http) T);

impl<S, T> FromRequest<S> for LooseJson<T>
where
    BodyLimit: FromRef<S>,
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ErrorResponse;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, ErrorResponse> {
        let Whole(body) = Whole::from_request(request, state).await?;
        // serde's messages repeat values of the body, which may be tokens.
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|_| ErrorResponse::malformed("the body is not the JSON object that is expected here"))
    }
}

/// The parameters of an OAuth request (RFC 6749 §3.2): form-encoded, none twice, empty is absent.
#[derive(Debug)]
pub(in crate::http) struct Form(Vec<(String, String)>);

impl<S> FromRequest<S> for Form
where
    BodyLimit: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ErrorResponse;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, ErrorResponse> {
        if !media_type(request.headers()).eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(ErrorResponse::malformed("the body must be application/x-www-form-urlencoded"));
        }
        let Whole(body) = Whole::from_request(request, state).await?;
        let parameters = url::form_urlencoded::parse(&body)
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Ok(Self(parameters))
    }
}

impl Form {
    /// Every value of a parameter that may be repeated.
    pub(in crate::http) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may occur once.
    pub(in crate::http) fn one(&self, name: &'static str) -> Result<Option<&str>, ErrorResponse> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(ErrorResponse::malformed(format!("the parameter `{name}` is repeated"))),
        }
    }

    /// The value of a parameter that must occur.
    pub(in crate::http) fn required(&self, name: &'static str) -> Result<&str, ErrorResponse> {
        self.one(name)?.ok_or_else(|| ErrorResponse::malformed(format!("the parameter `{name}` is missing")))
    }
}
