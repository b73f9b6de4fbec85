//! A JSON Web Key Set, read entry by entry: one bad key spoils nothing.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

use super::jws::LONGEST_KID;
use crate::text::truncate;

/// More keys than any issuer rotates through; the rest is ignored.
const MAX_KEYS: usize = 100;
/// How many keys under one `kid` are tried.
const MAX_TRIES: usize = 16;
/// RSA moduli in bytes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// An issuer's usable keys, each parsed once.
#[derive(Debug, Default)]
pub struct KeySet {
    by_kid: HashMap<String, Vec<Key>>,
    /// Keys without a `kid`, for an issuer that is allowed to have such.
    unnamed: Vec<Key>,
    /// Entries that were skipped, and why.
    pub skipped: Vec<Skipped>,
}

/// One entry that is not usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its `kid`, where there is one.
    pub kid: Option<String>,
    /// Why.
    pub why: &'static str,
}

/// A public key, ready to verify with each algorithm that fits it.
pub(super) struct Key {
    pub(super) algorithms: Vec<(Algorithm, ParsedPublicKey)>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.algorithms.iter().map(|(algorithm, _)| algorithm)).finish()
    }
}

/// Why a document is not a key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not JSON, or no `keys`.
    #[error("not a JSON Web Key Set: {0}")]
    NotAKeySet(String),
    /// Nothing in it can be used; an empty set never replaces a good one.
    #[error("no usable key among {0}")]
    NoUsableKey(usize),
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// One entry of a key set, and what becomes of it.
pub(super) struct Entry {
    pub(super) json: Value,
    /// Its `kid`, where there is one.
    pub(super) kid: Option<String>,
    /// The key, or why it is skipped.
    pub(super) key: Result<Key, &'static str>,
}

/// The entries of a key set that are looked at, in their order, and how many there are in all.
pub(super) fn entries(
    json: &[u8],
    allow_unnamed: bool,
) -> Result<(usize, impl Iterator<Item = Entry>), KeySetError> {
    let document: Document =
        serde_json::from_slice(json).map_err(|error| KeySetError::NotAKeySet(truncate(error.to_string())))?;
    let found = document.keys.len();
    let looked_at = document.keys.into_iter().take(MAX_KEYS).map(move |json| {
        let kid = json.get("kid").and_then(Value::as_str).map(str::to_owned);
        let key = usable(&json).and_then(|key| match &kid {
            Some(kid) if kid.len() > LONGEST_KID => Err("a `kid` that is too long"),
            None if !allow_unnamed => Err("no `kid`"),
            _ => Ok(key),
        });
        Entry { json, kid, key }
    });
    Ok((found, looked_at))
}

impl KeySet {
    /// Reads a key set (RFC 7517 §5).
    ///
    /// # Errors
    /// If it is not a key set, or holds no usable key.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        Self::read(json, false)
    }

    /// Reads the key set of an issuer whose tokens may lack a `kid`: a key without one is usable too.
    ///
    /// # Errors
    /// See [`KeySet::parse`].
    pub fn parse_with_unnamed(json: &[u8]) -> Result<Self, KeySetError> {
        Self::read(json, true)
    }

    fn read(json: &[u8], allow_unnamed: bool) -> Result<Self, KeySetError> {
        let (found, entries) = entries(json, allow_unnamed)?;
        let mut set = Self::default();
        for Entry { kid, key, .. } in entries {
            match (key, kid) {
                (Ok(key), Some(kid)) => set.by_kid.entry(kid).or_default().push(key),
                (Ok(key), None) => set.unnamed.push(key),
                (Err(why), kid) => set.skipped.push(Skipped { kid: kid.map(truncate), why }),
            }
        }
        if set.is_empty() { Err(KeySetError::NoUsableKey(found)) } else { Ok(set) }
    }

    /// How many keys are usable.
    pub fn len(&self) -> usize {
        self.all().count()
    }

    /// Whether none is; such a set is never made by reading one.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        self.by_kid.values().flatten().chain(&self.unnamed)
    }

    /// The keys that a token may have been signed with: those under its `kid`; where it has none, the
    /// only key there is.
    fn candidates(&self, kid: Option<&str>) -> &[Key] {
        match kid {
            Some(kid) => self.by_kid.get(kid).map_or(&[], Vec::as_slice),
            None => {
                let mut all = self.all();
                match (all.next(), all.next()) {
                    (Some(only), None) => std::slice::from_ref(only),
                    _ => &[],
                }
            }
        }
    }

    /// Whether there is a key for tokens with this `kid`, or for those without one.
    pub fn contains(&self, kid: Option<&str>) -> bool {
        !self.candidates(kid).is_empty()
    }

    /// Verifies a signature with the key or keys for a `kid`, or for none; each check is counted.
    pub fn verify(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
        mut on_check: impl FnMut(),
    ) -> bool {
        let fitting = self.candidates(kid).iter().flat_map(|key| &key.algorithms);
        let mut tried = fitting.filter(|(fits, _)| *fits == algorithm).take(MAX_TRIES);
        tried.any(|(_, key)| {
            on_check();
            key.verify_sig(message, signature).is_ok()
        })
    }
}

/// The key that an entry is, or why it is skipped.
fn usable(entry: &Value) -> Result<Key, &'static str> {
    if ["d", "k", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|name| entry.get(name).is_some()) {
        return Err("a private or symmetric key");
    }
    // SPIFFE marks its keys `jwt-svid`; jsonwebtoken reads foreign uses as `Other`.
    let jwk = Jwk::deserialize(entry).map_err(|_| "not a well-formed JWK")?;
    match &jwk.common.public_key_use {
        None | Some(PublicKeyUse::Signature) => {}
        Some(PublicKeyUse::Other(other)) if other == "jwt-svid" => {}
        Some(_) => return Err("not for signatures"),
    }
    if let Some(operations) = &jwk.common.key_operations
        && !operations.contains(&KeyOperations::Verify)
    {
        return Err("not for verifying");
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => rsa_key(&rsa.n, &rsa.e)?,
        AlgorithmParameters::EllipticCurve(ec) => ec_key(&ec.curve, &ec.x, &ec.y)?,
        AlgorithmParameters::OctetKeyPair(okp) => ed_key(&okp.curve, &okp.x)?,
        _ => return Err("a key type that is not supported"),
    };
    if let Some(stated) = jwk.common.key_algorithm {
        let stated = stated.to_string().parse::<Algorithm>().map_err(|_| "not a signature algorithm")?;
        algorithms.retain(|(algorithm, _)| *algorithm == stated);
    }
    if algorithms.is_empty() {
        return Err("its `alg` does not fit its type");
    }
    Ok(Key { algorithms })
}

fn rsa_key(n: &str, e: &str) -> Result<Vec<(Algorithm, ParsedPublicKey)>, &'static str> {
    const ALGORITHMS: [(Algorithm, &RsaParameters); 6] = [
        (Algorithm::RS256, &signature::RSA_PKCS1_2048_8192_SHA256),
        (Algorithm::RS384, &signature::RSA_PKCS1_2048_8192_SHA384),
        (Algorithm::RS512, &signature::RSA_PKCS1_2048_8192_SHA512),
        (Algorithm::PS256, &signature::RSA_PSS_2048_8192_SHA256),
        (Algorithm::PS384, &signature::RSA_PSS_2048_8192_SHA384),
        (Algorithm::PS512, &signature::RSA_PSS_2048_8192_SHA512),
    ];
    let (n, e) = (number(n)?, number(e)?);
    if !RSA_BYTES.contains(&n.len()) || (n.len() == 256 && n[0] < 0x80) {
        return Err("RSA of less than 2048 or more than 4096 bits");
    }
    // FIPS 186-5 §5.1 wants more than 2^16; without leading zeros that is three bytes or more.
    if e.len() < 3 || e.len() > 4 || e.last().is_none_or(|last| last % 2 == 0) {
        return Err("an RSA exponent that is even, too small or too large");
    }
    let components = RsaPublicKeyComponents { n: n.as_slice(), e: e.as_slice() };
    ALGORITHMS
        .into_iter()
        .map(|(algorithm, parameters)| {
            let key = components.to_parsed_public_key(parameters).map_err(|_| "not an RSA key")?;
            Ok((algorithm, key))
        })
        .collect()
}

fn ec_key(
    curve: &EllipticCurve,
    x: &str,
    y: &str,
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, &'static str> {
    let (algorithm, parameters, size): (_, &'static dyn VerificationAlgorithm, _) = match curve {
        EllipticCurve::P256 => (Algorithm::ES256, &signature::ECDSA_P256_SHA256_FIXED, 32),
        EllipticCurve::P384 => (Algorithm::ES384, &signature::ECDSA_P384_SHA384_FIXED, 48),
        _ => return Err("a curve that is not supported"),
    };
    let (x, y) = (coordinate(x, size)?, coordinate(y, size)?);
    // SEC 1 §2.3.3, uncompressed. aws-lc refuses points that are not on the curve.
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    let key = ParsedPublicKey::new(parameters, &point).map_err(|_| "not a point on its curve")?;
    Ok(vec![(algorithm, key)])
}

fn ed_key(curve: &EllipticCurve, x: &str) -> Result<Vec<(Algorithm, ParsedPublicKey)>, &'static str> {
    if !matches!(curve, EllipticCurve::Ed25519) {
        return Err("a curve that is not supported");
    }
    let key = ParsedPublicKey::new(&signature::ED25519, decoded(x)?).map_err(|_| "not an Ed25519 key")?;
    Ok(vec![(Algorithm::EdDSA, key)])
}

/// Decodes base64url, with or without padding: some issuers write it (RFC 7515 §2 has none).
fn decoded(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| "not base64url")
}

/// Decodes a number without leading zero octets. Java's `BigInteger` writes one, which RFC 7518 §6.3.1.1 forbids
/// and Jenkins publishes; it is the same number.
fn number(text: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = decoded(text)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    if zeros == bytes.len() { Err("an empty number") } else { Ok(bytes[zeros..].to_vec()) }
}

/// Decodes a coordinate to the length of its field, with leading zero octets restored.
fn coordinate(text: &str, size: usize) -> Result<Vec<u8>, &'static str> {
    let number = number(text)?;
    let missing = size.checked_sub(number.len()).ok_or("coordinates of the wrong length")?;
    Ok([vec![0; missing], number].concat())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ed(kid: Option<&str>) -> Value {
        // RFC 8037, appendix A.2.
        let mut key =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        if let Some(kid) = kid {
            key["kid"] = kid.into();
        }
        key
    }

    fn of(keys: &[Value]) -> Vec<u8> {
        json!({ "keys": keys }).to_string().into_bytes()
    }

    #[test]
    fn key_without_kid_needs_permission_and_must_be_single() {
        for (keys, named, unnamed, serves_none) in [
            (vec![ed(None)], 0, 1, true),
            (vec![ed(Some("1"))], 1, 1, true),
            (vec![ed(None), ed(None)], 0, 2, false),
            (vec![ed(None), ed(Some("1"))], 1, 2, false),
            (vec![ed(Some("1")), ed(Some("1"))], 2, 2, false),
            (vec![ed(None), json!({ "kty": "oct", "k": "AA" }), json!(7)], 0, 1, true),
        ] {
            let strict = KeySet::parse(&of(&keys)).map_or(0, |set| set.len());
            assert_eq!(strict, named, "{keys:?}");
            let set = KeySet::parse_with_unnamed(&of(&keys)).expect("a usable key");
            assert_eq!((set.len(), set.contains(None)), (unnamed, serves_none), "{keys:?}");
        }
    }

    #[test]
    fn key_set_error_text_is_bounded() {
        let long = "x".repeat(200_000);
        let set = KeySet::parse(&of(&[ed(Some(&long)), json!({ "kid": long }), ed(Some("good"))]));
        let set = set.expect("the good one is there");
        assert!(set.contains(Some("good")));
        assert_eq!(set.len(), 1);
        assert!(set.skipped.iter().all(|skipped| skipped.kid.as_ref().is_some_and(|kid| kid.len() < 300)));
        let error = KeySet::parse(json!({ "keys": long }).to_string().as_bytes()).expect_err("no set");
        assert!(error.to_string().len() < 300, "{error}");
    }
}
