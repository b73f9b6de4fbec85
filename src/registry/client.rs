//! Registry backends that may introspect tokens, and their secrets.

use aws_lc_rs::{constant_time, digest};

use crate::hex;

/// The SHA-256 of a client secret; the secret itself is never configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// Hashes a secret. Secrets are high-entropy (`trustmint client new`), so no salt or KDF is needed.
    pub fn of(secret: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
        Self(hash)
    }

    /// Whether it is one of these, in time that does not depend on which.
    pub fn is_any_of(self, known: &[Self]) -> bool {
        let is = |known: &Self| constant_time::verify_slices_are_equal(&known.0, &self.0).is_ok();
        known.iter().fold(false, |found, known| found | is(known))
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    /// Writes 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex::encode(&self.0)
    }
}

/// A registry backend, known by an id and one or more secrets (several while rotating).
#[derive(Clone, Debug)]
pub struct Client {
    /// The `client_id`; unique across registries.
    pub id: String,
    /// Hashes of the secrets that are accepted.
    pub secrets: Vec<SecretHash>,
}

impl Client {
    /// Whether a secret is one of this client's, in time that does not depend on the secret.
    pub fn accepts(&self, secret: &[u8]) -> bool {
        SecretHash::of(secret).is_any_of(&self.secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_each_configured_secret_and_no_other() {
        let client =
            Client { id: "backend".into(), secrets: vec![SecretHash::of(b"old"), SecretHash::of(b"new")] };
        assert!(client.accepts(b"old") && client.accepts(b"new"));
        assert!(!client.accepts(b"other") && !client.accepts(b""));
    }

    #[test]
    fn each_bit_of_a_hash_counts() {
        let hash = SecretHash::of(b"secret");
        for bit in 0..256 {
            let mut other = hash;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!hash.is_any_of(&[other]), "bit {bit}");
            assert!(hash.is_any_of(&[other, hash]), "bit {bit}");
        }
    }

    #[test]
    fn hex_round_trips() {
        let hash = SecretHash::of(b"secret");
        assert_eq!(SecretHash::from_hex(&hash.to_hex()), Some(hash));
        assert_eq!(SecretHash::from_hex("xyz"), None);
        assert_eq!(SecretHash::from_hex(&"+1".repeat(32)), None, "a sign is not a digit");
    }
}
