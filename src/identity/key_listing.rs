//! A key set as people look at it: every entry in its order, and what becomes of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::KeySetError;
use super::jwk::{Entry, entries};

/// The entries of a key set. Texts in them are the issuer's: fit to compare, not to print as they are.
#[derive(Debug)]
pub struct KeyListing {
    /// The entries that are looked at, in their order.
    pub keys: Vec<ListedKey>,
    /// How many there are in all; those beyond the bound of a key set are not looked at.
    pub found: usize,
}

/// One entry of a key set.
#[derive(Debug)]
pub struct ListedKey {
    /// Its `kid`, where there is one.
    pub kid: Option<String>,
    /// `RSA 2048`, `P-256`, or whatever it says it is.
    pub form: String,
    /// The algorithms that it verifies, or why it is skipped.
    pub algorithms: Result<Vec<Algorithm>, &'static str>,
    /// How many certificates are in its `x5c`, which is not looked at.
    pub certificates: usize,
    /// `nbf`, `iat` or `exp`, which some issuers add, in seconds since the Unix epoch.
    pub dates: Vec<(&'static str, u64)>,
}

impl KeyListing {
    /// Reads a key set as [`super::KeySet`] does, and keeps what that passes over. `allow_unnamed`:
    /// whether a key without a `kid` is usable.
    ///
    /// # Errors
    /// If it is not a key set.
    pub fn parse(json: &[u8], allow_unnamed: bool) -> Result<Self, KeySetError> {
        let (found, entries) = entries(json, allow_unnamed)?;
        Ok(Self { keys: entries.map(listed).collect(), found })
    }

    /// The algorithms that usable keys verify, each once.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut algorithms = Vec::new();
        for algorithm in self.keys.iter().filter_map(|key| key.algorithms.as_ref().ok()).flatten() {
            if !algorithms.contains(algorithm) {
                algorithms.push(*algorithm);
            }
        }
        algorithms
    }
}

fn listed(Entry { json, kid, key }: Entry) -> ListedKey {
    let date = |name| Some((name, json.get(name)?.as_u64()?));
    ListedKey {
        form: form(&json),
        certificates: json.get("x5c").and_then(Value::as_array).map_or(0, Vec::len),
        dates: ["iat", "nbf", "exp"].into_iter().filter_map(date).collect(),
        algorithms: key.map(|key| key.algorithms.iter().map(|(algorithm, _)| *algorithm).collect()),
        kid,
    }
}

fn form(json: &Value) -> String {
    let text = |name| json.get(name).and_then(Value::as_str);
    let modulus = || URL_SAFE_NO_PAD.decode(text("n")?).ok();
    match (text("kty"), text("crv"), modulus()) {
        (Some("RSA"), _, Some(modulus)) => format!("RSA {}", bits(&modulus)),
        (Some("EC" | "OKP"), Some(curve), _) => curve.to_owned(),
        (Some(other), ..) => other.to_owned(),
        (None, ..) => "no `kty`".to_owned(),
    }
}

fn bits(number: &[u8]) -> usize {
    let significant = number.iter().position(|byte| *byte != 0).map_or(&[][..], |first| &number[first..]);
    significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_listing_has_each_entry_with_its_use() {
        let json = br#"{"keys":[
            {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","nbf":7},
            {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","x5c":["MA"]},
            {"kty":"RSA","kid":"b","n":"AAEAAQ","e":"AQAB"},
            {"kty":"oct","kid":"c","k":"AA"},
            7
        ]}"#;
        let listing = KeyListing::parse(json, false).expect("a key set");
        let shown: Vec<_> = listing.keys.iter().map(|key| (key.kid.as_deref(), key.form.as_str())).collect();
        let forms = [(Some("a"), "Ed25519"), (None, "Ed25519"), (Some("b"), "RSA 17"), (Some("c"), "oct")];
        assert_eq!(shown[..4], forms);
        assert_eq!((listing.found, listing.algorithms()), (5, vec![Algorithm::EdDSA]));
        assert_eq!((listing.keys[0].dates.as_slice(), listing.keys[1].certificates), (&[("nbf", 7)][..], 1));
        let why: Vec<_> = listing.keys.iter().filter_map(|key| key.algorithms.as_ref().err()).collect();
        assert_eq!(why.len(), 4, "{why:?}");
    }
}
