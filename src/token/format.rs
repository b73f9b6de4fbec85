//! The form of a registry token: prefix, tag, entropy, checksum.
//!
//! A prefix and a CRC let secret scanners find tokens without false positives and let us refuse
//! garbage before the store is asked. The checksum is GitHub's: CRC-32 (IEEE) in base 62.

use std::fmt;

use aws_lc_rs::{digest, rand};
use zeroize::Zeroizing;

use crate::hex;

/// The digits of tokens, tags and checksums, least first.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TAG: usize = 2;
const RANDOM: usize = 32;
const CHECKSUM: usize = 6;
const BODY: usize = TAG + RANDOM + CHECKSUM;

/// How many tags there are.
pub const TAG_COUNT: u16 = 62 * 62;

/// Two characters that put a token, its run and its replay record into one Redis Cluster slot.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag([u8; TAG]);

impl Tag {
    /// The tag of a run or of a replay key: the first characters of its hash.
    pub fn of(name: &[u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, name);
        let [a, b] = [hash.as_ref()[0], hash.as_ref()[1]];
        Self::nth(u16::from_be_bytes([a, b]) % TAG_COUNT)
    }

    /// The tags in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TAG_COUNT).map(Self::nth)
    }

    fn nth(number: u16) -> Self {
        let (high, low) = (number / 62 % 62, number % 62);
        Self([BASE62[usize::from(high)], BASE62[usize::from(low)]])
    }

    /// Reads two characters.
    pub fn parse(text: &str) -> Option<Self> {
        let tag: [u8; TAG] = text.as_bytes().try_into().ok()?;
        tag.iter().all(u8::is_ascii_alphanumeric).then_some(Self(tag))
    }

    /// The two characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("00")
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// SHA-256 of a registry token: all that a store, a log or a disk ever holds of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..8]))
    }
}

/// A registry token. It cannot be printed; [`RegistryToken::expose`] is where it leaves us.
pub struct RegistryToken {
    text: Zeroizing<String>,
    tag: Tag,
}

/// The scheme that is copied together with a token.
const BEARER: &str = "Bearer";

impl RegistryToken {
    /// Removes what people and logs put around a token: white space, quotes, and `Bearer`.
    pub fn trim_pasted(text: &str) -> &str {
        let is_around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
        let text = text.trim_matches(is_around);
        match text.split_at_checked(BEARER.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(BEARER) && rest.starts_with(is_around) => {
                rest.trim_matches(is_around)
            }
            _ => text,
        }
    }

    /// A fresh token.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn generate(prefix: &str, tag: Tag) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + BODY));
        text.push_str(prefix);
        text.push_str(tag.as_str());
        let mut pool = Zeroizing::new([0; 64]);
        let end = prefix.len() + TAG + RANDOM;
        while text.len() < end {
            rand::fill(&mut pool[..])?;
            // 248 is the largest multiple of 62 in a byte: what is above would favour some digits.
            let digits = pool.iter().filter(|byte| **byte < 248).map(|byte| BASE62[usize::from(byte % 62)]);
            let missing = end - text.len();
            text.extend(digits.take(missing).map(char::from));
        }
        let checksum = checksum(&text.as_bytes()[prefix.len()..]);
        text.extend(checksum.map(char::from));
        Ok(Self { text, tag })
    }

    /// Reads a token of the registry with this prefix: length, alphabet and checksum.
    pub fn parse(prefix: &str, text: &str) -> Option<Self> {
        let body = text.strip_prefix(prefix)?.as_bytes();
        if body.len() != BODY || !body.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let (signed, stated) = body.split_at(TAG + RANDOM);
        (checksum(signed) == *stated)
            .then(|| Self { text: Zeroizing::new(text.to_owned()), tag: Tag([body[0], body[1]]) })
    }

    /// A regular expression for the tokens of the registry with this prefix, in the syntax that all
    /// scanners share. A CRC-32 in base 62 begins with 0 to 4.
    pub fn pattern(prefix: &str) -> String {
        format!("{prefix}[0-9A-Za-z]{{{}}}[0-4][0-9A-Za-z]{{{}}}", TAG + RANDOM, CHECKSUM - 1)
    }

    /// The secret itself, for the one answer that carries it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What the store knows it by.
    pub fn hash(&self) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.text.as_bytes()).as_ref());
        TokenHash(hash)
    }

    /// Where the store keeps it.
    pub fn tag(&self) -> Tag {
        self.tag
    }
}

impl fmt::Debug for RegistryToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistryToken(***)")
    }
}

/// CRC-32 in base 62, six digits, most significant first.
fn checksum(signed: &[u8]) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(signed);
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_matches_github_format() {
        for (body, expected) in [
            ("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17"),
            ("000000000000000000000000000000", "2C8GjS"),
            ("000000000000000000000000000405", "00azb7"),
        ] {
            assert_eq!(checksum(body.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn token_round_trips_and_detects_typing_errors() {
        let tag = Tag::of(b"run");
        let token = RegistryToken::generate("exm_", tag).expect("randomness");
        let text = token.expose().to_owned();
        assert_eq!(text.len(), "exm_".len() + 40);
        let read = RegistryToken::parse("exm_", &text).expect("well-formed");
        assert_eq!((read.hash(), read.tag()), (token.hash(), tag));
        assert!(RegistryToken::parse("other_", &text).is_none());
        for index in 4..text.len() {
            let mut slip = text.clone().into_bytes();
            slip[index] = if slip[index] == b'a' { b'b' } else { b'a' };
            let slip = String::from_utf8(slip).expect("ascii");
            assert!(RegistryToken::parse("exm_", &slip).is_none(), "{index}");
        }
        assert!(RegistryToken::parse("exm_", &text[..text.len() - 1]).is_none());
        assert!(RegistryToken::parse("exm_", &format!("{text}0")).is_none());
    }

    #[test]
    fn debug_shows_no_secret() {
        let token = RegistryToken::generate("exm_", Tag::of(b"run")).expect("randomness");
        assert!(!format!("{token:?}").contains(&token.expose()[8..]));
    }

    #[test]
    fn tags_are_distinct() {
        let tags: std::collections::HashSet<_> = Tag::all().collect();
        assert_eq!(tags.len(), usize::from(TAG_COUNT));
        assert!(tags.contains(&Tag::of(b"anything")));
    }
}
