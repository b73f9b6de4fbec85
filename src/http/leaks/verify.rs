//! `POST /leaks/verify`: a scanner such as TruffleHog asks whether what it found is alive. It is an
//! authenticated client of the registry, and learns about that registry's tokens only.

use std::collections::BTreeMap;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::state::Public;
use crate::broker::Introspection;
use crate::http::request::body::LooseJson;
use crate::http::request::client_auth::Authenticated;
use crate::http::response::error_response::ErrorResponse;

pub(in crate::http) const VERIFY: &str = "/leaks/verify";

/// How many strings are looked at: the match and its groups, of a few detectors.
const MOST: usize = 100;

/// Detector → name in its `regex` → what matched.
pub(in crate::http) type Matches = BTreeMap<String, BTreeMap<String, Matched>>;

/// TruffleHog sends a list, the match and its groups; its example reads a string.
#[derive(Deserialize)]
#[serde(untagged)]
pub(in crate::http) enum Matched {
    One(String),
    Several(Vec<String>),
}

impl Matched {
    fn strings(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// 200: one of them is alive; 403: none is.
pub(in crate::http) async fn verify(
    State(public): State<Public>,
    Extension(Authenticated { registry, .. }): Extension<Authenticated>,
    LooseJson(matches): LooseJson<Matches>,
) -> Result<StatusCode, ErrorResponse> {
    let strings = matches.values().flat_map(BTreeMap::values).flat_map(Matched::strings);
    for string in strings.take(MOST) {
        if let Introspection::Active(_) = public.broker.introspect(&registry, string).await? {
            return Ok(StatusCode::OK);
        }
    }
    Ok(StatusCode::FORBIDDEN)
}
