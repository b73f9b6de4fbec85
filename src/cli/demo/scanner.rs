//! A secret scanner, as GitHub's programme has it: it publishes a key, and signs what it reports.

use std::io;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::hex;

/// How long a line of PEM is.
const PEM_LINE: usize = 64;

/// The scanner's key.
#[derive(Debug)]
pub(super) struct Scanner {
    key: EcdsaKeyPair,
    pem: String,
}

impl Scanner {
    /// Generates a key on P-256.
    pub(super) fn generate() -> io::Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(io::Error::other)?;
        let der: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(io::Error::other)?;
        let base64 = STANDARD.encode(der.as_ref());
        let lines: Vec<_> = base64.as_bytes().chunks(PEM_LINE).map(String::from_utf8_lossy).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
        Ok(Self { key, pem })
    }

    /// The key's id: as GitHub makes it, the hash of its text.
    pub(super) fn key_id(&self) -> String {
        hex::encode(digest(&SHA256, self.pem.as_bytes()).as_ref())
    }

    /// The listing that the broker trusts.
    pub(super) fn listing(&self) -> String {
        json!({ "public_keys": [{ "key_identifier": self.key_id(), "key": self.pem, "is_current": true }] })
            .to_string()
    }

    /// The signature over a body.
    pub(super) fn sign(&self, body: &[u8]) -> io::Result<String> {
        let signature = self.key.sign(&SystemRandom::new(), body).map_err(io::Error::other)?;
        Ok(STANDARD.encode(signature.as_ref()))
    }
}
