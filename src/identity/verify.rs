//! The verification of an ID token, in the order of what a refusal costs.

use std::sync::Arc;

use aws_lc_rs::digest;
use jsonwebtoken::Algorithm;

use super::times::Times;
use super::{Claim, Claims, Identity, Issuer, Jws, KeySet};
use crate::denial::{Denial, Reason};

/// An ID token that was read and not verified. All it tells is who claims to have signed it, for
/// choosing the issuer to verify it with; nothing else may be concluded from it.
#[derive(Debug)]
pub struct Unverified<'t> {
    jws: Jws<'t>,
    claims: Claims,
}

/// An ID token that its issuer signed, for one of our audiences, at a good time.
#[derive(Debug)]
pub struct Verified {
    /// What the issuer vouches for.
    pub identity: Identity,
    /// `iat`, in seconds.
    pub issued_at: u64,
    /// Names the ID token in the replay records: SHA-256 of issuer and `jti`, or of what was signed.
    pub replay_key: [u8; 32],
    /// The second after which the replay record may be forgotten.
    pub replay_until: u64,
}

impl<'t> Unverified<'t> {
    /// Reads a token: size, shape, header, JSON.
    ///
    /// # Errors
    /// `malformed_token` or `unsupported_algorithm`.
    pub fn read(token: &'t str, max_bytes: usize) -> Result<Self, Denial> {
        let jws = Jws::parse(token, max_bytes)?;
        let claims = Claims::parse(&jws.payload).map_err(|error| {
            Denial::new(Reason::MalformedToken, "the ID token's payload is not one unambiguous JSON object")
                .internal(error)
        })?;
        Ok(Self { jws, claims })
    }

    /// Who claims to have signed it.
    ///
    /// # Errors
    /// `missing_claim` or `invalid_claim`.
    pub fn issuer_url(&self) -> Result<&str, Denial> {
        required_text(&self.claims, "iss")
    }

    /// Verifies the token with its issuer's keys. `accepts` says whether an `aud` is ours;
    /// `on_check` is called before each signature check, which is what a flood would cost us.
    ///
    /// # Errors
    /// One denial for the first thing that is wrong, cheapest check first.
    pub async fn verify(
        self,
        issuer: &Issuer,
        accepts: impl Fn(&str) -> bool,
        now: u64,
        on_check: impl FnMut(),
    ) -> Result<Verified, Denial> {
        let settings = &issuer.settings;
        if !settings.algorithms.contains(&self.jws.algorithm) {
            return Err(Denial::new(
                Reason::UnsupportedAlgorithm,
                "this issuer is not trusted to sign with the ID token's `alg`",
            )
            .received(format!("{:?}", self.jws.algorithm))
            .expected(settings.algorithms.iter().map(|algorithm| format!("{algorithm:?}"))));
        }
        check_audience(&self.claims, accepts)?;
        let times = Times::check(&self.claims, settings, now)?;
        required_text(&self.claims, "sub")?;
        let replay_key = self.replay_key(&settings.url)?;

        self.check_signature(issuer, on_check).await?;

        let payload: Arc<str> = String::from_utf8(self.jws.payload)
            .map_err(|_| Denial::new(Reason::MalformedToken, "the ID token's payload is not UTF-8"))?
            .into();
        Ok(Verified {
            identity: Identity::new(settings, self.claims, payload)?,
            issued_at: times.issued_at,
            replay_key,
            replay_until: times.replay_until(),
        })
    }

    async fn check_signature(&self, issuer: &Issuer, mut on_check: impl FnMut()) -> Result<(), Denial> {
        let Jws { algorithm, signing_input, signature, kid, .. } = &self.jws;
        let mut verifies = |kid: Option<&str>, keys: &KeySet| {
            keys.verify(kid, *algorithm, signing_input, signature, &mut on_check)
        };
        let Some(kid) = kid.as_deref() else {
            return issuer.keyring.with_only_key(|keys| verifies(None, keys)).await.map(drop);
        };
        if verifies(Some(kid), &*issuer.keyring.with_key(kid).await?) {
            return Ok(());
        }
        Err(Denial::new(Reason::BadSignature, "the ID token's signature does not verify"))
    }

    /// RFC 7519 §4.1.7 makes `jti` unique within an issuer. Without one, what was signed names the
    /// token; never the signature, of which ECDSA has several that are valid.
    fn replay_key(&self, issuer: &str) -> Result<[u8; 32], Denial> {
        let mut hash = digest::Context::new(&digest::SHA256);
        match self.claims.at("jti") {
            Some(Claim::Text(jti)) if !jti.is_empty() => {
                hash.update(b"jti\0");
                hash.update(issuer.as_bytes());
                hash.update(b"\0");
                hash.update(jti.as_bytes());
            }
            None | Some(Claim::Text(_)) => {
                hash.update(b"jws\0");
                hash.update(self.jws.signing_input);
            }
            Some(_) => return Err(wrong_type("jti")),
        }
        let mut key = [0; 32];
        key.copy_from_slice(hash.finish().as_ref());
        Ok(key)
    }

    /// The algorithm in the header.
    pub fn algorithm(&self) -> Algorithm {
        self.jws.algorithm
    }
}

/// One audience, as a string or as an array of exactly one: a token for several services is
/// everybody's to replay.
fn check_audience(claims: &Claims, accepts: impl Fn(&str) -> bool) -> Result<(), Denial> {
    let audience = match claims.at("aud") {
        Some(Claim::Text(audience)) => audience,
        Some(Claim::List(items)) => match items.as_slice() {
            [Claim::Text(audience)] => audience,
            _ => {
                return Err(Denial::new(
                    Reason::WrongAudience,
                    "the ID token must have exactly one audience",
                )
                .claim("aud"));
            }
        },
        Some(_) => return Err(wrong_type("aud")),
        None => return Err(missing("aud")),
    };
    if accepts(audience) {
        return Ok(());
    }
    Err(Denial::new(
        Reason::WrongAudience,
        "the ID token was made for another service; request it with this registry's audience",
    )
    .claim("aud")
    .received(audience.clone()))
}

fn required_text<'c>(claims: &'c Claims, name: &'static str) -> Result<&'c str, Denial> {
    match claims.at(name) {
        Some(Claim::Text(text)) if !text.is_empty() => Ok(text),
        Some(Claim::Text(_)) | None => Err(missing(name)),
        Some(_) => Err(wrong_type(name)),
    }
}

fn missing(name: &'static str) -> Denial {
    Denial::new(Reason::MissingClaim, format!("the ID token has no `{name}`")).claim(name)
}

fn wrong_type(name: &'static str) -> Denial {
    Denial::new(Reason::InvalidClaim, format!("the ID token's `{name}` has the wrong type")).claim(name)
}
