//! The one HTTP client: https only, no redirects, checked addresses, bounded size and time.
//!
//! It speaks to hosts that operators configured and to no one else. Each address is checked after
//! the name was resolved and right before it is connected to, so that a name cannot be made to
//! point inside (CVE-2025-52477 and GHSA-59jp-pj84-45mr were this).

mod address;
mod client;
mod error;
mod response;

pub use address::is_public;
pub use client::{Fetcher, Receipt, Roots};
pub use error::FetchError;
pub use response::Fetched;
