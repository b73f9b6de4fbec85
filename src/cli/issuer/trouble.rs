//! Why an issuer cannot work, or was not reached.

use hyper::StatusCode;

use super::finding::{Finding, Severity};
use super::shown::Shown;
use crate::fetch::FetchError;
use crate::identity::{DiscoveryError, KeySetError};

/// What ended an examination.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// A document could not be had.
    #[error("{url}: {error}")]
    Fetch { url: String, error: FetchError },
    /// The discovery document leads nowhere.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The key set is none.
    #[error(transparent)]
    Keys(#[from] KeySetError),
    /// The file of keys is gone.
    #[error("the file of keys: {0}")]
    File(#[from] std::io::Error),
}

impl Trouble {
    /// Whether another attempt may go better, without any change.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Fetch { error, .. } => match error {
                FetchError::Status(status) => {
                    status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
                }
                FetchError::Url(_) | FetchError::Private { .. } | FetchError::Document(_) => false,
                _ => true,
            },
            _ => false,
        }
    }

    /// The trouble as a finding.
    pub(super) fn finding(&self, url: &str) -> Finding {
        let (code, help) = match self {
            _ if self.is_passing() => ("unreachable", None),
            Self::Fetch { error: FetchError::Private { address, .. }, .. } => (
                "private-address",
                Some(format!("if it lives there, write allow_private = [\"{address}/{}\"]", bits(*address))),
            ),
            Self::Fetch { error: FetchError::Status(_), .. } => {
                ("refused-answer", Some("is `url` the issuer, as its tokens have it in `iss`?".to_owned()))
            }
            Self::Discovery(DiscoveryError::OtherIssuer { found, .. })
                if found.trim_end_matches('/') == url.trim_end_matches('/') =>
            {
                ("trailing-slash", Some(format!("write url = \"{}\"", Shown::new(found))))
            }
            Self::Discovery(DiscoveryError::OtherIssuer { .. }) => {
                ("wrong-issuer", Some("`url` is `iss`, to the byte".to_owned()))
            }
            Self::Discovery(DiscoveryError::KeysElsewhere(_)) => ("keys-elsewhere", None),
            _ => ("unreadable-document", None),
        };
        Finding {
            code,
            severity: Severity::Error,
            message: Shown::new(&self.to_string()),
            help: help.as_deref().map(Shown::new),
        }
    }
}

fn bits(address: std::net::IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
