//! Signing keys, made by josekit (OpenSSL), once for each test process.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jwk::alg::ed::EdCurve;
use josekit::jws::{ES256, ES256K, ES384, EdDSA, HS256, JwsSigner, PS256, RS256, RS384, RS512};
use serde_json::{Value, json};

/// A key with its id and the algorithm it signs with.
#[derive(Clone, Debug)]
pub struct Key {
    pub kid: String,
    pub alg: String,
    pub jwk: Jwk,
}

impl Key {
    /// An RSA key.
    pub fn rsa(kid: &str, alg: &str, bits: u32) -> Self {
        Self::new(kid, alg, Jwk::generate_rsa_key(bits).expect("RSA"))
    }

    /// A key on a NIST curve, or on secp256k1.
    pub fn ec(kid: &str, alg: &str, curve: EcCurve) -> Self {
        Self::new(kid, alg, Jwk::generate_ec_key(curve).expect("EC"))
    }

    /// An Ed25519 key.
    pub fn ed(kid: &str) -> Self {
        Self::new(kid, "EdDSA", Jwk::generate_ed_key(EdCurve::Ed25519).expect("Ed25519"))
    }

    /// A symmetric key, as an attacker would use a public key's bytes.
    pub fn hmac(kid: &str, secret: &[u8]) -> Self {
        let mut jwk = Jwk::new("oct");
        jwk.set_key_value(secret);
        Self::new(kid, "HS256", jwk)
    }

    fn new(kid: &str, alg: &str, jwk: Jwk) -> Self {
        Self { kid: kid.to_owned(), alg: alg.to_owned(), jwk }
    }

    /// The same key under another algorithm.
    pub fn with_alg(&self, alg: &str) -> Self {
        Self { alg: alg.to_owned(), ..self.clone() }
    }

    fn signer(&self) -> Box<dyn JwsSigner> {
        match self.alg.as_str() {
            "RS256" => Box::new(RS256.signer_from_jwk(&self.jwk).expect("signer")),
            "RS384" => Box::new(RS384.signer_from_jwk(&self.jwk).expect("signer")),
            "RS512" => Box::new(RS512.signer_from_jwk(&self.jwk).expect("signer")),
            "PS256" => Box::new(PS256.signer_from_jwk(&self.jwk).expect("signer")),
            "ES256" => Box::new(ES256.signer_from_jwk(&self.jwk).expect("signer")),
            "ES256K" => Box::new(ES256K.signer_from_jwk(&self.jwk).expect("signer")),
            "ES384" => Box::new(ES384.signer_from_jwk(&self.jwk).expect("signer")),
            "EdDSA" => Box::new(EdDSA.signer_from_jwk(&self.jwk).expect("signer")),
            "HS256" => Box::new(HS256.signer_from_jwk(&self.jwk).expect("signer")),
            other => panic!("no signer for {other}"),
        }
    }

    /// The usual header.
    pub fn header(&self) -> Value {
        json!({ "alg": self.alg, "kid": self.kid, "typ": "JWT" })
    }

    /// A compact JWS over any header and payload, however wrong: what josekit would refuse to
    /// assemble is assembled by hand and signed by OpenSSL.
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        self.sign_text(&input)
    }

    /// A signature over text that is taken for header and payload as it stands.
    pub fn sign_text(&self, input: &str) -> String {
        let signature = self.signer().sign(input.as_bytes()).expect("signature");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A compact JWS with the usual header.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_bytes(self.header().to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// The public half, as a key set lists it.
    pub fn public(&self) -> Value {
        let mut public: Value = match self.jwk.key_type() {
            "oct" => serde_json::to_value(self.jwk.as_ref()).expect("JSON"),
            _ => serde_json::to_value(self.jwk.to_public_key().expect("public").as_ref()).expect("JSON"),
        };
        public["kid"] = self.kid.clone().into();
        public["use"] = "sig".into();
        public["alg"] = self.alg.clone().into();
        public
    }
}

/// The RSA key that issuers of tests sign with; making one takes a while.
pub fn rsa() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::rsa("rsa-1", "RS256", 2048))
}

/// Another one, which is in no one's key set.
pub fn stranger() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::rsa("rsa-1", "RS256", 2048))
}

/// A key set.
pub fn jwks<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Value {
    json!({ "keys": keys.into_iter().map(Key::public).collect::<Vec<_>>() })
}
