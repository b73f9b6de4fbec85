//! A reporter's public keys, as GitHub lists them: `{"public_keys": [{"key_identifier", "key", …}]}`.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P521_SHA256_ASN1, EcdsaVerificationAlgorithm,
    ParsedPublicKey,
};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::Value;

use crate::keyring::Keys;
use crate::text::truncate;

/// More keys than anyone rotates through; the rest is ignored.
const MAX_KEYS: usize = 100;
/// The longest key id that is known; GitHub's have 64 characters.
const LONGEST_ID: usize = 256;

/// A curve that a reporter may sign with, always with SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256, which GitHub and GitLab use.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
}

impl Curve {
    /// Every curve.
    pub const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    fn algorithm(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
            Self::P384 => &ECDSA_P384_SHA256_ASN1,
            Self::P521 => &ECDSA_P521_SHA256_ASN1,
        }
    }
}

/// A reporter's usable keys, each parsed once.
pub struct PublicKeys {
    by_id: HashMap<String, ParsedPublicKey>,
    skipped: Vec<(Option<String>, &'static str)>,
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}

#[derive(Deserialize)]
struct Listing {
    public_keys: Vec<Value>,
}

/// `is_current` is not read: a report that was signed right before a rotation is genuine, and a key
/// that is no longer good is no longer listed.
#[derive(Deserialize)]
struct Listed {
    key_identifier: String,
    key: String,
}

impl PublicKeys {
    /// Reads a listing, entry by entry: one bad key spoils nothing.
    ///
    /// # Errors
    /// If it is not a listing, or holds no usable key.
    pub fn parse(json: &[u8], curves: &[Curve]) -> Result<Self, String> {
        let listing: Listing = serde_json::from_slice(json)
            .map_err(|error| format!("not a listing of public keys: {}", truncate(error.to_string())))?;
        let found = listing.public_keys.len();
        let mut keys = Self { by_id: HashMap::new(), skipped: Vec::new() };
        for entry in listing.public_keys.into_iter().take(MAX_KEYS) {
            let id = entry.get("key_identifier").and_then(Value::as_str).map(truncate);
            match usable(entry, curves) {
                Ok((id, key)) => drop(keys.by_id.entry(id).or_insert(key)),
                Err(why) => keys.skipped.push((id, why)),
            }
        }
        if keys.by_id.is_empty() { Err(format!("no usable key among {found}")) } else { Ok(keys) }
    }

    /// Whether a key is listed under this id.
    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Verifies a signature, ASN.1 DER (RFC 3279 §2.2.3), over the bytes of a body as they came.
    pub fn verify(&self, id: &str, body: &[u8], signature: &[u8]) -> bool {
        self.by_id.get(id).is_some_and(|key| key.verify_sig(body, signature).is_ok())
    }
}

fn usable(entry: Value, curves: &[Curve]) -> Result<(String, ParsedPublicKey), &'static str> {
    let Listed { key_identifier, key } =
        serde_json::from_value(entry).map_err(|_| "without `key_identifier` and `key`")?;
    if key_identifier.is_empty() || key_identifier.len() > LONGEST_ID {
        return Err("an id that is empty or too long");
    }
    let der = SubjectPublicKeyInfoDer::from_pem_slice(key.as_bytes()).map_err(|_| "no PEM public key")?;
    let parse = |curve: &Curve| ParsedPublicKey::new(curve.algorithm(), der.as_ref()).ok();
    let key = curves.iter().find_map(parse).ok_or("not a point on a curve that is accepted")?;
    Ok((key_identifier, key))
}

impl Keys for PublicKeys {
    fn count(&self) -> usize {
        self.by_id.len()
    }

    fn skipped(&self) -> impl Iterator<Item = (Option<&str>, &'static str)> {
        self.skipped.iter().map(|(id, why)| (id.as_deref(), *why))
    }
}
