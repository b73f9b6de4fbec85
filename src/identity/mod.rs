//! From an ID token to an identity: what the issuer signed, checked as strictly as it can be.
//!
//! Cheap refusals come first (size, shape, header, issuer, audience, times), then the signature.
//! Nothing here causes a network call for an `iss` that is not configured.

mod claims;
mod discovery;
mod issuer;
mod issuer_keys;
mod jwk;
mod jws;
mod key_listing;
pub mod kinds;
mod times;
mod verify;

pub use claims::{Claim, Claims, ClaimsError};
pub use discovery::{Discovery, DiscoveryError, Remote};
pub use issuer::{Identity, Issuer, IssuerSettings, Issuers, Pin};
pub use issuer_keys::{KeySource, Keyring, refresh_after};
pub use jwk::{KeySet, KeySetError, Skipped};
pub use jws::{Jws, MAX_TOKEN_BYTES};
pub use key_listing::{KeyListing, ListedKey};
pub use kinds::{Kind, Note};
pub use times::{MAX_LEEWAY, MAX_MAX_AGE, REPLAY_MARGIN, Times};
pub use verify::{
    check_algorithm, check_signature, parse_unverified_claims, replay_key, required_text, single_audience,
};
