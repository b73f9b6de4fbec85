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

/// More keys than any issuer rotates through; the rest is ignored.
pub(super) const MAX_KEYS: usize = 100;
/// How many keys under one `kid` are tried.
const MAX_SAME_KID: usize = 16;
/// RSA moduli in bytes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// An issuer's usable keys, each parsed once.
#[derive(Debug, Default)]
pub struct KeySet {
    by_kid: HashMap<String, Vec<Key>>,
    /// Entries that were passed over, and why.
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

/// Why a document is no key set.
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
pub(super) struct Document {
    pub(super) keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a key set (RFC 7517 §5).
    ///
    /// # Errors
    /// If it is no key set, or holds no usable key.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let document: Document =
            serde_json::from_slice(json).map_err(|error| KeySetError::NotAKeySet(error.to_string()))?;
        let found = document.keys.len();
        let mut set = Self::default();
        for entry in document.keys.into_iter().take(MAX_KEYS) {
            let kid = entry.get("kid").and_then(serde_json::Value::as_str).map(str::to_owned);
            match usable(entry) {
                Ok(key) => match kid {
                    Some(kid) => {
                        let same = set.by_kid.entry(kid).or_default();
                        if same.len() < MAX_SAME_KID {
                            same.push(key);
                        }
                    }
                    None => set.skipped.push(Skipped { kid, why: "no `kid`" }),
                },
                Err(why) => set.skipped.push(Skipped { kid, why }),
            }
        }
        if set.by_kid.is_empty() {
            return Err(KeySetError::NoUsableKey(found));
        }
        Ok(set)
    }

    /// Whether there is a key under this id.
    pub fn contains(&self, kid: &str) -> bool {
        self.by_kid.contains_key(kid)
    }

    /// The ids of the usable keys.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.by_kid.keys().map(String::as_str)
    }

    /// Verifies a signature with the key or keys under an id; each check is counted.
    pub fn verify(
        &self,
        kid: &str,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
        mut on_check: impl FnMut(),
    ) -> bool {
        let keys = self.by_kid.get(kid).map_or(&[][..], Vec::as_slice);
        keys.iter().flat_map(|key| &key.algorithms).filter(|(fits, _)| *fits == algorithm).any(|(_, key)| {
            on_check();
            key.verify_sig(message, signature).is_ok()
        })
    }
}

/// The key that an entry is, or why it is passed over.
pub(super) fn usable(entry: serde_json::Value) -> Result<Key, &'static str> {
    if ["d", "k", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|name| entry.get(name).is_some()) {
        return Err("a private or symmetric key");
    }
    // SPIFFE marks its keys `jwt-svid`; jsonwebtoken reads foreign uses as `Other`.
    let jwk: Jwk = serde_json::from_value(entry).map_err(|_| "not a well-formed JWK")?;
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
    let (n, e) = (decoded(n)?, decoded(e)?);
    if !RSA_BYTES.contains(&n.len()) || n[0] == 0 || (n.len() == 256 && n[0] < 0x80) {
        return Err("RSA of less than 2048 or more than 4096 bits");
    }
    // FIPS 186-5 §5.1 wants more than 2^16; without leading zeros that is three bytes or more.
    let small = e.len() < 3 || e[0] == 0;
    if small || e.len() > 4 || e.last().is_none_or(|last| last % 2 == 0) {
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
    let (x, y) = (decoded(x)?, decoded(y)?);
    if x.len() != size || y.len() != size {
        return Err("coordinates of the wrong length");
    }
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

fn decoded(text: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "not base64url")?;
    if bytes.is_empty() { Err("an empty number") } else { Ok(bytes) }
}
