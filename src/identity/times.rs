//! `exp`, `nbf` and `iat` of an ID token.

use super::issuer::IssuerSettings;
use super::{Claim, Claims};
use crate::denial::{Denial, Reason};

/// The largest `leeway` an issuer can be given, in seconds.
pub const MAX_LEEWAY: u64 = 300;

/// The largest `max_age` an issuer can be given, in seconds. No ID token is accepted longer than
/// this after its `iat`, whatever its `exp`.
pub const MAX_MAX_AGE: u64 = 86_400;

/// How long a replay record outlives the last instant at which its ID token could be accepted under
/// *any* configuration, in seconds. The one constant behind decision 7: the record is kept until
/// `min(exp, iat + MAX_MAX_AGE) + REPLAY_MARGIN`, and no leeway is larger than [`MAX_LEEWAY`], so
/// neither a reload nor a restart under other limits opens a window (crates.io and PyPI both had one).
pub const REPLAY_MARGIN: u64 = MAX_LEEWAY + 60;

/// The times of a token, checked against the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// `iat`, in seconds since the epoch.
    pub issued_at: u64,
    /// `exp`, in seconds since the epoch.
    pub expires_at: u64,
}

impl Times {
    /// Reads the times and checks them, with the issuer's leeway on each side.
    ///
    /// # Errors
    /// `expired`, `not_yet_valid`, `too_old`, `missing_claim` or `invalid_claim`.
    pub fn check(claims: &Claims, issuer: &IssuerSettings, now: u64) -> Result<Self, Denial> {
        let expires_at = required(claims, "exp")?;
        let issued_at = required(claims, "iat")?;
        let not_before = optional(claims, "nbf")?;
        let leeway = issuer.leeway;
        if expires_at < issued_at {
            return Err(
                Denial::new(Reason::InvalidClaim, "the ID token expires before it was issued").claim("exp")
            );
        }
        if now >= expires_at.saturating_add(leeway) {
            return Err(Denial::new(Reason::Expired, "the ID token has expired; fetch a fresh one")
                .claim("exp")
                .received(expires_at.to_string()));
        }
        let latest = not_before.unwrap_or(issued_at).max(issued_at);
        if latest > now.saturating_add(leeway) {
            return Err(Denial::new(
                Reason::NotYetValid,
                "the ID token is not valid yet; the issuer's clock is ahead of ours",
            )
            .claim(if latest == issued_at { "iat" } else { "nbf" })
            .received(latest.to_string()));
        }
        if now >= issued_at.saturating_add(issuer.max_age).saturating_add(leeway) {
            return Err(Denial::new(
                Reason::TooOld,
                "the ID token was issued too long ago; fetch a fresh one right before the exchange",
            )
            .claim("iat")
            .received(issued_at.to_string())
            .expected([format!("at most {} seconds ago", issuer.max_age)]));
        }
        Ok(Self { issued_at, expires_at })
    }

    /// The second after which the replay record may be forgotten.
    pub fn replay_until(self) -> u64 {
        self.expires_at.min(self.issued_at.saturating_add(MAX_MAX_AGE)) + REPLAY_MARGIN
    }
}

fn required(claims: &Claims, name: &'static str) -> Result<u64, Denial> {
    optional(claims, name)?
        .ok_or_else(|| Denial::new(Reason::MissingClaim, format!("the ID token has no `{name}`")).claim(name))
}

/// A NumericDate (RFC 7519 §2) in whole seconds; no CI platform writes fractions.
fn optional(claims: &Claims, name: &'static str) -> Result<Option<u64>, Denial> {
    match claims.get(name) {
        None | Some(Claim::Null) => Ok(None),
        // The upper bound (the year 9999) keeps every later sum from overflowing.
        Some(Claim::Int(seconds @ 0..=253_402_300_799)) => Ok(Some(seconds.unsigned_abs())),
        Some(_) => Err(Denial::new(
            Reason::InvalidClaim,
            format!("the ID token's `{name}` is not a whole number of seconds"),
        )
        .claim(name)),
    }
}
