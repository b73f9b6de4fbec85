//! Where an issuer's keys are: OpenID Connect Discovery 1.0, read for what it must say.

use serde::Deserialize;
use url::Url;

use crate::fetch::{FetchError, Fetched, Fetcher};
use crate::text::truncate;

/// The discovery document of an issuer, as far as it is used. Everything else in it, such as the
/// `authorization_endpoint` that CI issuers do not have, may be there or not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Discovery {
    /// Whom it is about.
    pub issuer: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// The claims that the issuer says it signs; CI platforms list them incompletely.
    #[serde(default)]
    pub claims_supported: Vec<String>,
    /// The algorithms that the issuer says it signs with.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
}

/// Why a discovery document leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// Not JSON, or without what is needed.
    #[error("not a discovery document: {0}")]
    Unreadable(String),
    /// It names another issuer than the one that was asked (Discovery 1.0 §4.3).
    #[error("the discovery document is about {found:?}, not about this issuer{}", slash_hint(found, asked))]
    OtherIssuer {
        /// The configured issuer.
        asked: String,
        /// Whom the document is about.
        found: String,
    },
    /// The keys are somewhere else, or not behind https.
    #[error(
        "`jwks_uri` {0:?} is not an https URL on the issuer's host; configure `jwks_uri` if that is intended"
    )]
    KeysElsewhere(String),
}

impl Discovery {
    /// Reads a discovery document.
    ///
    /// # Errors
    /// [`DiscoveryError::Unreadable`].
    pub fn parse(json: &[u8]) -> Result<Self, DiscoveryError> {
        serde_json::from_slice(json).map_err(|error| DiscoveryError::Unreadable(truncate(error.to_string())))
    }

    /// Where the keys of the issuer that was asked are: the document must be about it, to the byte,
    /// and the keys on its own host and port, or on `keys_host`.
    ///
    /// # Errors
    /// [`DiscoveryError::OtherIssuer`] and [`DiscoveryError::KeysElsewhere`].
    pub fn keys_of(&self, issuer_url: &str, keys_host: Option<&str>) -> Result<&str, DiscoveryError> {
        if self.issuer != issuer_url {
            return Err(DiscoveryError::OtherIssuer {
                asked: issuer_url.to_owned(),
                found: truncate(&*self.issuer),
            });
        }
        let keys_at = authority(&self.jwks_uri);
        let is_near = keys_at.is_some() && keys_at == authority(issuer_url);
        let is_known = keys_at.is_some_and(|(host, port)| Some(host.as_str()) == keys_host && port == 443);
        if !is_near && !is_known {
            return Err(DiscoveryError::KeysElsewhere(truncate(&*self.jwks_uri)));
        }
        Ok(&self.jwks_uri)
    }
}

/// Host and port of an https URL.
fn authority(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

fn slash_hint(found: &str, asked: &str) -> &'static str {
    let differ_by_slash = found.trim_end_matches('/') == asked.trim_end_matches('/');
    if differ_by_slash {
        "; they differ by the trailing slash only, write `url` as the issuer does"
    } else {
        ""
    }
}

/// An issuer on the network.
#[derive(Debug)]
pub struct Remote {
    /// Fetches for this issuer, with its roots and address rules.
    pub fetcher: Fetcher,
    /// `iss`.
    pub issuer_url: String,
    /// Where the keys are, if the operator says so; then nothing is discovered.
    pub jwks_uri: Option<String>,
    /// The host on which the platform is known to keep its keys.
    pub keys_host: Option<&'static str>,
}

impl Remote {
    /// Where the discovery document is. One trailing slash of the issuer is left out (Discovery 1.0 §4.1).
    pub fn discovery_url(&self) -> String {
        let base = self.issuer_url.strip_suffix('/').unwrap_or(&self.issuer_url);
        format!("{base}/.well-known/openid-configuration")
    }

    /// Fetches the discovery document.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn discover(&self) -> Result<Discovery, FetchError> {
        let fetched = self.fetcher.get_json(&self.discovery_url()).await?;
        Discovery::parse(&fetched.body).map_err(FetchError::document)
    }

    /// Fetches the key set, from where the operator or the discovery document says.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn keys(&self) -> Result<Fetched, FetchError> {
        match &self.jwks_uri {
            Some(configured) => self.fetcher.get_json(configured).await,
            None => {
                let discovery = self.discover().await?;
                let jwks_uri =
                    discovery.keys_of(&self.issuer_url, self.keys_host).map_err(FetchError::document)?;
                self.fetcher.get_json(jwks_uri).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jwks_uri_is_on_the_issuer_host() {
        let keys = |jwks_uri: &str, keys_host| {
            let json = format!(r#"{{"issuer":"https://ci.example","jwks_uri":"{jwks_uri}"}}"#);
            let discovery = Discovery::parse(json.as_bytes()).expect("readable");
            discovery.keys_of("https://ci.example", keys_host).map(str::to_owned)
        };
        for near in
            ["https://ci.example/keys", "https://CI.example:443/keys?x=1", "https://u@ci.example/keys"]
        {
            assert_eq!(keys(near, None).as_deref(), Ok(near));
        }
        for elsewhere in [
            "https://ci.example.evil.example/keys",
            "https://evil.example/keys",
            "https://ci.example:444/keys",
            "https://ci.example@evil.example/keys",
            "http://ci.example/keys",
            "https://169.254.169.254/keys",
            "file:///etc/passwd",
            "/keys",
            "",
        ] {
            let refused = Err(DiscoveryError::KeysElsewhere(elsewhere.to_owned()));
            assert_eq!(keys(elsewhere, Some("keys.example")), refused, "{elsewhere}");
        }
        assert!(keys("https://keys.example/k", Some("keys.example")).is_ok());
        assert!(keys("https://keys.example:444/k", Some("keys.example")).is_err());
    }

    #[test]
    fn discovery_document_names_the_requested_issuer() {
        let about = |issuer: &str| {
            let json = format!(r#"{{"issuer":"{issuer}","jwks_uri":"https://ci.example/keys"}}"#);
            Discovery::parse(json.as_bytes()).expect("readable").keys_of("https://ci.example", None).map(drop)
        };
        assert!(about("https://ci.example").is_ok());
        let slash = about("https://ci.example/").expect_err("another issuer").to_string();
        assert!(slash.contains("trailing slash"), "{slash}");
        let other = about("https://CI.example").expect_err("another issuer").to_string();
        assert!(!other.contains("trailing slash"), "{other}");
    }
}
