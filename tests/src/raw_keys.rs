//! Keys that josekit refuses to sign with: made by OpenSSL itself, assembled by hand.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};

/// An RSA key of any size and exponent, which signs RS256.
pub struct RawRsa {
    pub kid: String,
    key: PKey<Private>,
}

impl RawRsa {
    /// With the exponent that everyone uses.
    pub fn new(kid: &str, bits: u32) -> Self {
        Self::with_exponent(kid, bits, 65_537)
    }

    /// With another exponent.
    pub fn with_exponent(kid: &str, bits: u32, exponent: u32) -> Self {
        let exponent = BigNum::from_u32(exponent).expect("a number");
        let key = Rsa::generate_with_e(bits, &exponent).expect("RSA");
        Self { kid: kid.to_owned(), key: PKey::from_rsa(key).expect("a key") }
    }

    /// The public half, with the exponent written on at least this many bytes.
    pub fn public(&self, exponent_bytes: i32) -> Value {
        let rsa = self.key.rsa().expect("RSA");
        let exponent = rsa.e();
        let exponent = exponent.to_vec_padded(exponent_bytes.max(exponent.num_bytes())).expect("bytes");
        json!({
            "kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(rsa.n().to_vec()), "e": URL_SAFE_NO_PAD.encode(exponent),
        })
    }

    /// A compact JWS with the usual header.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "RS256", "kid": self.kid, "typ": "JWT" });
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).expect("signer");
        let signature = signer.sign_oneshot_to_vec(input.as_bytes()).expect("signature");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
