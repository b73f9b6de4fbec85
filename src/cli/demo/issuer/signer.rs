//! A signing key, as issuers have it, and as attackers have it.

use std::io;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What comes before the modulus in the DER of a 2048-bit `RSAPublicKey` (RFC 8017 §A.1.1).
const BEFORE_MODULUS: [u8; 9] = [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
const MODULUS: usize = 256;
/// What comes before the exponent, which has three bytes.
const BEFORE_EXPONENT: [u8; 2] = [0x02, 0x03];

/// An RSA key that signs with RS256, as GitHub Actions does.
#[derive(Debug)]
pub(in super::super) struct Signer {
    kid: String,
    key: RsaKeyPair,
    public: Value,
}

impl Signer {
    /// Generates a key, under a key id of the caller's choice.
    pub(in super::super) fn generate(kid: &str) -> io::Result<Self> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(io::Error::other)?;
        let (modulus, exponent) = components(key.public_key().as_ref())
            .ok_or_else(|| io::Error::other("the generated key has an unexpected form"))?;
        let public = json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": kid,
            "n": URL_SAFE_NO_PAD.encode(modulus),
            "e": URL_SAFE_NO_PAD.encode(exponent),
        });
        Ok(Self { kid: kid.to_owned(), key, public })
    }

    /// The public half, as a key set has it.
    pub(super) fn public_jwk(&self) -> &Value {
        &self.public
    }

    /// Signs claims as a compact JWS.
    pub(in super::super) fn sign(&self, claims: &Value) -> io::Result<String> {
        let header = json!({ "alg": "RS256", "kid": self.kid, "typ": "JWT" });
        let encoded = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let input = format!("{}.{}", encoded(&header), encoded(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature)
            .map_err(io::Error::other)?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Modulus and exponent of a 2048-bit key.
fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (modulus, rest) = der.strip_prefix(&BEFORE_MODULUS)?.split_at_checked(MODULUS)?;
    let exponent = rest.strip_prefix(&BEFORE_EXPONENT)?;
    (exponent.len() == 3).then_some((modulus, exponent))
}
