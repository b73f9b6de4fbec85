//! The verification of an ID token: who signed it, for whom and when.

use std::sync::Arc;

use super::Broker;
use crate::broker::audience::{Audience, check_audience};
use crate::denial::{Denial, Reason};
use crate::identity::{
    Identity, Issuers, Jws, Times, check_algorithm, check_signature, parse_unverified_claims, replay_key,
    required_text,
};
use crate::registry::Registry;

/// What an ID token is verified against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// The issuers that are trusted.
    pub issuers: &'e Issuers,
    /// The registry that the token is presented for.
    pub registry: &'e Registry,
    /// Whose audiences are accepted.
    pub audience: Audience,
    /// The broker's own issuer identifier, which may be an audience.
    pub public_url: &'e str,
    /// The largest token, in bytes.
    pub max_bytes: usize,
    /// The current time, in seconds since the epoch.
    pub now: u64,
}

/// What [`verify_id_token`] tells its caller on the way, with the issuer's id.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'i> {
    /// The token names this issuer. Nothing is verified yet.
    IssuerFound(&'i Arc<str>),
    /// A signature is about to be checked.
    SignatureCheck(&'i Arc<str>),
}

/// An ID token that its issuer signed, for one of our audiences, and that is valid now.
#[derive(Debug)]
pub struct VerifiedIdToken {
    /// What the issuer vouches for.
    pub identity: Identity,
    /// `iat`, in seconds since the epoch.
    pub issued_at: u64,
    /// Names the ID token in the replay records: SHA-256 of issuer and `jti`, or of what was signed.
    pub replay_key: [u8; 32],
    /// The second after which the replay record may be forgotten.
    pub replay_until: u64,
}

/// Verifies an ID token. Cheap checks come first, so that a flood of bad tokens costs little.
///
/// # Errors
/// One denial, for the first check that fails.
pub async fn verify_id_token(
    id_token: &str,
    expected: &Expected<'_>,
    mut on_progress: impl FnMut(Progress<'_>),
) -> Result<VerifiedIdToken, Denial> {
    let jws = Jws::parse(id_token, expected.max_bytes)?;
    let claims = parse_unverified_claims(&jws)?;
    let iss = required_text(&claims, "iss")?;
    let issuer = expected.issuers.by_url(iss).ok_or_else(|| {
        Denial::new(Reason::UnknownIssuer, "the ID token's issuer is not configured here")
            .claim("iss")
            .received(iss)
    })?;
    let settings = &issuer.settings;
    on_progress(Progress::IssuerFound(&settings.id));

    check_algorithm(&jws, settings)?;
    check_audience(&claims, settings, expected)?;
    let times = Times::check(&claims, settings, expected.now)?;
    required_text(&claims, "sub")?;
    let replay_key = replay_key(&jws, &claims, &settings.url)?;
    check_signature(&jws, issuer, || on_progress(Progress::SignatureCheck(&settings.id))).await?;

    let payload: Arc<str> = String::from_utf8(jws.payload)
        .map_err(|_| Denial::new(Reason::MalformedToken, "the ID token's payload is not UTF-8"))?
        .into();
    Ok(VerifiedIdToken {
        identity: Identity::new(settings, claims, payload)?,
        issued_at: times.issued_at,
        replay_key,
        replay_until: times.replay_until(),
    })
}

impl Broker {
    /// Verifies an ID token and counts the signature checks. `on_issuer` receives the issuer's id as soon
    /// as it is known, so that a refusal can name it.
    pub(super) async fn verify_id_token(
        &self,
        id_token: &str,
        registry: &Registry,
        audience: Audience,
        mut on_issuer: impl FnMut(&Arc<str>),
    ) -> Result<VerifiedIdToken, Denial> {
        let expected = Expected {
            issuers: &self.issuers,
            registry,
            audience,
            public_url: &self.public_url,
            max_bytes: self.bounds.id_token_bytes,
            now: self.clock.now(),
        };
        verify_id_token(id_token, &expected, |progress| match progress {
            Progress::IssuerFound(issuer) => on_issuer(issuer),
            Progress::SignatureCheck(issuer) => self.metrics.signature_check(issuer),
        })
        .await
    }
}
