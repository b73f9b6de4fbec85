//! Why there is no grant: the stable reason codes, and what may be said about them.

mod help;

use std::borrow::Cow;
use std::fmt;

pub use help::Help;

use crate::text::truncate;

/// The stable `reason` codes of the outward contract. Adding one is a change for users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The ID token is not a compact JWS that we read.
    MalformedToken,
    /// Its `alg` is not one that the issuer is trusted to use.
    UnsupportedAlgorithm,
    /// Its `iss` is not configured.
    UnknownIssuer,
    /// Its `kid` is not among the issuer's keys.
    UnknownKey,
    /// The signature does not verify.
    BadSignature,
    /// Its `aud` is not this registry's.
    WrongAudience,
    /// `exp` has passed.
    Expired,
    /// `nbf` or `iat` is in the future.
    NotYetValid,
    /// `iat` is longer ago than the issuer's `max_age`.
    TooOld,
    /// A claim that must be there is not.
    MissingClaim,
    /// A claim has the wrong type or contradicts another.
    InvalidClaim,
    /// The ID token was spent before.
    Replayed,
    /// The ID token is older than the store's memory.
    StoreReset,
    /// The CI event that started the run may never publish.
    DangerousEvent,
    /// No policy's pinned ids match.
    NoMatchingPolicy,
    /// A policy's pinned ids match, another of its conditions does not.
    ClaimMismatch,
    /// A deny rule took the grant away.
    DeniedByPolicy,
    /// The request asks for more than the policies grant.
    NotCovered,
    /// The run has minted as many tokens as a policy allows one run.
    LimitReached,
    /// An operator suspended what this identity would use.
    Suspended,
    /// Too many requests.
    RateLimited,
    /// The issuer's keys could not be fetched.
    IssuerUnavailable,
    /// The store could not be reached in time.
    StoreUnavailable,
    /// A bounded queue of ours is full.
    Overloaded,
    /// The request itself is not of the form its endpoint reads.
    MalformedRequest,
    /// The request is about no registry that is configured, or about several.
    UnknownTarget,
    /// The caller did not prove who it is.
    Unauthenticated,
    /// The credential is not a live token of the registry.
    InvalidToken,
    /// There is nothing at this address.
    NotFound,
}

impl Reason {
    /// Every reason, for tables and documentation.
    pub const ALL: [Self; 29] = [
        Self::MalformedToken,
        Self::UnsupportedAlgorithm,
        Self::UnknownIssuer,
        Self::UnknownKey,
        Self::BadSignature,
        Self::WrongAudience,
        Self::Expired,
        Self::NotYetValid,
        Self::TooOld,
        Self::MissingClaim,
        Self::InvalidClaim,
        Self::Replayed,
        Self::StoreReset,
        Self::DangerousEvent,
        Self::NoMatchingPolicy,
        Self::ClaimMismatch,
        Self::DeniedByPolicy,
        Self::NotCovered,
        Self::LimitReached,
        Self::Suspended,
        Self::RateLimited,
        Self::IssuerUnavailable,
        Self::StoreUnavailable,
        Self::Overloaded,
        Self::MalformedRequest,
        Self::UnknownTarget,
        Self::Unauthenticated,
        Self::InvalidToken,
        Self::NotFound,
    ];

    /// The code as it is written in answers, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedToken => "malformed_token",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::TooOld => "too_old",
            Self::MissingClaim => "missing_claim",
            Self::InvalidClaim => "invalid_claim",
            Self::Replayed => "replayed",
            Self::StoreReset => "store_reset",
            Self::DangerousEvent => "dangerous_event",
            Self::NoMatchingPolicy => "no_matching_policy",
            Self::ClaimMismatch => "claim_mismatch",
            Self::DeniedByPolicy => "denied_by_policy",
            Self::NotCovered => "not_covered",
            Self::LimitReached => "limit_reached",
            Self::Suspended => "suspended",
            Self::RateLimited => "rate_limited",
            Self::IssuerUnavailable => "issuer_unavailable",
            Self::StoreUnavailable => "store_unavailable",
            Self::Overloaded => "overloaded",
            Self::MalformedRequest => "malformed_request",
            Self::UnknownTarget => "unknown_target",
            Self::Unauthenticated => "unauthenticated",
            Self::InvalidToken => "invalid_token",
            Self::NotFound => "not_found",
        }
    }

    /// Whether the fault is ours or an issuer's, and the same request may succeed later.
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::IssuerUnavailable | Self::StoreUnavailable | Self::Overloaded)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal. What it holds in public fields may be shown to the caller; `internal` may not.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The stable code.
    pub reason: Reason,
    /// One sentence for the person who reads the job's log.
    pub detail: Cow<'static, str>,
    /// The claim that decided, where it may be named.
    pub claim: Option<Cow<'static, str>>,
    /// What the token said.
    pub received: Option<String>,
    /// What the policy wants.
    pub expected: Vec<String>,
    /// Seconds after which a retry makes sense.
    pub retry_after: Option<u64>,
    /// For the operator's log only.
    pub internal: Option<String>,
}

impl Denial {
    /// Returns a denial with reason `not_found`.
    pub fn not_found() -> Self {
        Self::new(Reason::NotFound, "not found")
    }

    /// A denial with a sentence for the caller.
    pub fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            claim: None,
            received: None,
            expected: Vec::new(),
            retry_after: if reason.is_outage() { Some(2) } else { None },
            internal: None,
        }
    }

    /// Names the claim that decided.
    #[must_use]
    pub fn claim(mut self, claim: impl Into<Cow<'static, str>>) -> Self {
        self.claim = Some(claim.into());
        self
    }

    /// Says what the token held, cut to a length that fits a log line.
    #[must_use]
    pub fn received(mut self, received: impl Into<String>) -> Self {
        self.received = Some(truncate(received));
        self
    }

    /// Says what would have been accepted.
    #[must_use]
    pub fn expected(mut self, expected: impl IntoIterator<Item = String>) -> Self {
        self.expected = expected.into_iter().collect();
        self
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// Adds what only the operator may know.
    #[must_use]
    pub fn internal(mut self, internal: impl fmt::Display) -> Self {
        self.internal = Some(internal.to_string());
        self
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_unique_and_complete() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}
