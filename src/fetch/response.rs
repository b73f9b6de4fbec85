//! An answer, read for the document it must hold.

use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{
    AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LAST_MODIFIED,
};
use hyper::{Response, StatusCode};

use super::FetchError;
use crate::text::truncate;

/// The largest document, in bytes. Nothing is ever decompressed, so this is what is read and parsed.
const MAX_BODY: usize = 256 * 1024;

/// A document.
#[derive(Debug)]
pub struct Fetched {
    /// Its bytes.
    pub body: Bytes,
    /// How long it stays fresh by its `Cache-Control`, where given: `max-age`, or nothing at all
    /// for `no-cache` and `no-store`.
    pub max_age: Option<Duration>,
    /// `Content-Type` without parameters, in lower case.
    pub content_type: String,
    /// `Last-Modified`, as it was sent.
    pub last_modified: Option<String>,
    /// `Age`: how long a cache on the way has had it.
    pub age: Option<Duration>,
}

/// Reads an answer, as far as it is what was asked for.
pub(super) async fn read(response: Response<Incoming>, wants_json: bool) -> Result<Fetched, FetchError> {
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let headers = response.headers();
    if text(headers, &CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(FetchError::document("the document is compressed, which was not asked for"));
    }
    let content_type = text(headers, &CONTENT_TYPE).unwrap_or("").split(';').next().unwrap_or("").trim();
    let content_type = content_type.to_ascii_lowercase();
    if wants_json && !is_json(&content_type) {
        return Err(FetchError::document(format_args!(
            "the document is {:?}, not JSON",
            truncate(&content_type)
        )));
    }
    let max_age = text(headers, &CACHE_CONTROL).and_then(max_age);
    let last_modified = text(headers, &LAST_MODIFIED).map(str::to_owned);
    let age = text(headers, &AGE).and_then(|age| age.parse().ok()).map(Duration::from_secs);
    // What announces itself as too large is not read at all.
    if response.body().size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    match Limited::new(response.into_body(), MAX_BODY).collect().await {
        Ok(body) => Ok(Fetched { body: body.to_bytes(), max_age, content_type, last_modified, age }),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(FetchError::connection("reading the document", error)),
    }
}

fn too_large() -> FetchError {
    FetchError::document(format_args!("the document has more than {MAX_BODY} bytes"))
}

/// A header whose value is visible ASCII; what is not says nothing.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("(not ASCII)"))
}

fn is_json(content_type: &str) -> bool {
    content_type == "application/json"
        || (content_type.starts_with("application/") && content_type.ends_with("+json"))
}

/// RFC 9111 §5.2.2, as far as it says when to ask again.
fn max_age(cache_control: &str) -> Option<Duration> {
    let directives = cache_control.to_ascii_lowercase();
    let mut directives = directives.split(',').map(str::trim);
    if directives.clone().any(|directive| matches!(directive, "no-cache" | "no-store")) {
        return Some(Duration::ZERO);
    }
    let seconds = directives.find_map(|directive| directive.strip_prefix("max-age="))?;
    seconds.trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_control_sets_freshness() {
        for (header, seconds) in [
            ("max-age=600", Some(600)),
            ("public, Max-Age=600, must-revalidate", Some(600)),
            ("max-age=\"600\"", Some(600)),
            ("max-age=0", Some(0)),
            ("no-cache", Some(0)),
            ("max-age=600, no-store", Some(0)),
            ("s-maxage=600", None),
            ("max-age=-1", None),
            ("max-age=99999999999999999999999", None),
            ("max-age=", None),
            ("immutable", None),
            ("", None),
        ] {
            assert_eq!(max_age(header), seconds.map(Duration::from_secs), "{header}");
        }
    }

    #[test]
    fn json_content_types_are_recognised() {
        for json in ["application/json", "application/jwk-set+json", "application/jwks+json"] {
            assert!(is_json(json), "{json}");
        }
        for other in ["", "text/html", "text/json", "application/jsonp", "application/x+jsonl", "+json"] {
            assert!(!is_json(other), "{other}");
        }
    }
}
