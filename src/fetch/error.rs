//! Why a document could not be had.

use std::fmt;
use std::net::IpAddr;

use hyper::StatusCode;

use super::client::TOTAL_TIMEOUT;
use crate::text::truncate;

/// Why a document could not be had. For the operator's log; callers learn only that it failed.
/// What the other side said is repeated in it to a bounded length.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is not one that is fetched.
    #[error("{0} is not an https URL with a host")]
    Url(String),
    /// The name does not resolve.
    #[error("{host} does not resolve: {error}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        error: std::io::Error,
    },
    /// The name resolves to addresses that are not allowed.
    #[error(
        "{host} is at {address}, which is not public; name its network in `allow_private` if that is intended"
    )]
    Private {
        /// The name.
        host: String,
        /// The first address that was refused.
        address: IpAddr,
    },
    /// No connection, no TLS, or no HTTP.
    #[error("{0}")]
    Connection(String),
    /// It took too long.
    #[error("no whole answer within {} seconds", TOTAL_TIMEOUT.as_secs())]
    Timeout,
    /// Not 200.
    #[error("the answer was {0}, not 200; redirects are not followed")]
    Status(StatusCode),
    /// Not a plain JSON document of a sane size.
    #[error("{0}")]
    Document(String),
    /// The fetching task is gone.
    #[error("the fetch was aborted")]
    Aborted,
}

impl FetchError {
    /// A URL that is not fetched.
    pub(super) fn url(url: impl Into<String>) -> Self {
        Self::Url(truncate(url))
    }

    /// A failure to converse with someone.
    pub(super) fn connection(with: impl Into<String>, error: impl fmt::Display) -> Self {
        Self::Connection(format!("{}: {}", truncate(with), truncate(error.to_string())))
    }

    /// A document that cannot be used; what says why repeats foreign text to a bounded length.
    pub(crate) fn document(why: impl fmt::Display) -> Self {
        Self::Document(why.to_string())
    }

    /// Which of the reasons it is, as a metric says it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Url(_) | Self::Private { .. } => "refused_address",
            Self::Resolve { .. } => "unresolved",
            Self::Connection(_) => "connection",
            Self::Timeout => "timeout",
            Self::Status(_) => "status",
            Self::Document(_) => "document",
            Self::Aborted => "aborted",
        }
    }
}
