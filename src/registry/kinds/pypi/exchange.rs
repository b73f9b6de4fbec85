//! PyPI's trusted publishing, as warehouse implements it and PEP 807 specifies it.

use std::borrow::Cow;

use hyper::header::ACCEPT;
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::super::dialect::{Call, Dialect, Endpoint, Exchange, Operation, Rejection, Reply};
use crate::denial::Denial;

const AUDIENCE: &str = "/_/oidc/audience";
const MINT: &str = "/_/oidc/mint-token";

/// PEP 807's media type.
const MEDIA_TYPE: &str = "application/vnd.pypi.pytp.v1+json";

/// The only feature of PEP 807 that is supported. It is also the default.
const FEATURE: &str = "multi-use-token";

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[
        Endpoint {
            method: "GET",
            path: AUDIENCE,
            check: None,
            operation: Operation::Describe(|call| {
                Ok(Reply::json(StatusCode::OK, json!({ "audience": call.registry.audiences.first() })))
            }),
        },
        Endpoint { method: "POST", path: MINT, check: None, operation: EXCHANGE },
        // The first address of the exchange, which warehouse keeps for old clients.
        Endpoint { method: "POST", path: "/_/oidc/github/mint-token", check: None, operation: EXCHANGE },
        // 202 whatever the token was, as warehouse answers.
        Endpoint {
            method: "POST",
            path: "/_/oidc/burn-token",
            check: None,
            operation: Operation::Revoke { reads_body: true, read: read_token, requires_token_form: false, status: StatusCode::ACCEPTED },
        },
        Endpoint {
            method: "GET",
            path: "/.well-known/pytp",
            check: None,
            operation: Operation::Describe(discover),
        },
    ],
    denied: |_| StatusCode::UNPROCESSABLE_ENTITY,
    // Warehouse tells a body that it cannot read from a bad ID token by the error code alone.
    malformed_body: Some(StatusCode::UNPROCESSABLE_ENTITY),
};

const EXCHANGE: Operation = Operation::Exchange {
    reads_body: true,
    read,
    write: |minted| {
        let body = json!({ "success": true, "token": minted.token, "expires": minted.expires });
        Reply::json(StatusCode::OK, body)
    },
};

#[derive(Deserialize)]
struct MintBody<'b> {
    #[serde(borrow)]
    token: Cow<'b, str>,
    /// PEP 807; without it the token can be used any number of times.
    #[serde(default)]
    features: Vec<String>,
}

fn read<'c>(call: &'c Call<'c>) -> Result<Exchange<'c>, Rejection> {
    let body = call.json::<MintBody<'_>>()?;
    if body.features.iter().any(|feature| feature != FEATURE) {
        return Err(Rejection::malformed(format!("the only feature is `{FEATURE}`")));
    }
    Ok(Exchange { id_token: body.token, package: None })
}

#[derive(Deserialize)]
struct BurnBody<'b> {
    #[serde(borrow)]
    token: Cow<'b, str>,
}

fn read_token<'c>(call: &'c Call<'c>) -> Result<Cow<'c, str>, Rejection> {
    Ok(call.json::<BurnBody<'_>>()?.token)
}

/// PEP 807 discovery: where to ask for an audience and a token, for a known upload path.
fn discover<'c>(call: &'c Call<'c>) -> Result<Reply, Rejection> {
    let mut paths = url::form_urlencoded::parse(call.query.as_bytes())
        .filter_map(|(name, value)| (name == "discover").then_some(value));
    let (Some(path), None) = (paths.next(), paths.next()) else {
        return Err(Rejection::malformed("`discover` names an upload path"));
    };
    if !call.registry.upload_paths.iter().any(|known| *known == path) {
        return Err(Denial::not_found().into());
    }
    if !accepts(call.headers) {
        return Err(Rejection::malformed(format!("the answer is {MEDIA_TYPE}"))
            .with_status(StatusCode::NOT_ACCEPTABLE));
    }
    // PEP 807 wants the upload URL's own host; only configured names are ever repeated.
    let base = call.base_url;
    let body = json!({
        "audience-endpoint": format!("{base}{AUDIENCE}"),
        "token-mint-endpoint": format!("{base}{MINT}"),
        "features": [FEATURE],
        "default-features": [FEATURE],
    });
    Ok(Reply { status: StatusCode::OK, content_type: MEDIA_TYPE, body })
}

/// Whether the client accepts PEP 807's type: without `Accept` it does; else the most specific range that
/// includes the type decides (RFC 9110 §12.5.1).
fn accepts(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).into_iter().flat_map(|line| line.to_str().unwrap_or("?").split(','));
    let mut ranges = lines.map(str::trim).filter(|range| !range.is_empty()).peekable();
    if ranges.peek().is_none() {
        return true;
    }
    let mut best = (0, false);
    for range in ranges {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let specificity = match parts.next().as_deref() {
            Some(MEDIA_TYPE) => 3,
            Some("application/*") => 2,
            Some("*/*") => 1,
            _ => continue,
        };
        let q = parts.find_map(|parameter| parameter.strip_prefix("q=")?.parse::<f32>().ok());
        best = best.max((specificity, q.is_none_or(|q| q > 0.0)));
    }
    best.1
}
