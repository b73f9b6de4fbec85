//! Who may report leaked tokens, and how they prove who they are.

use std::str::FromStr;
use std::sync::Arc;

use hyper::header::HeaderName;

use crate::keyring::Keyring;
use crate::registry::SecretHash;
use crate::reporters::{ReporterKeys, Sharing};

/// The kinds of reporter: what their protocols have as defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReporterKind {
    /// GitHub's secret scanning partner programme.
    Github,
    /// GitLab.com's partner programme, a likeness of GitHub's.
    Gitlab,
    /// Google's deps.dev, likewise.
    Depsdev,
    /// Anyone else who signs alike.
    Signed,
    /// The token revocation API that a self-managed GitLab calls.
    GitlabRevocation,
}

impl ReporterKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Github, Self::Gitlab, Self::Depsdev, Self::Signed, Self::GitlabRevocation];

    /// The name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Depsdev => "depsdev",
            Self::Signed => "signed",
            Self::GitlabRevocation => "gitlab-revocation",
        }
    }

    /// The headers with the key's id and the signature.
    pub const fn headers(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Github => Some(("github-public-key-identifier", "github-public-key-signature")),
            Self::Gitlab => Some(("gitlab-public-key-identifier", "gitlab-public-key-signature")),
            // As PyPI agreed with them; RubyGems.org has others.
            Self::Depsdev => Some(("gosst-public-key-identifier", "gosst-public-key-signature")),
            Self::Signed | Self::GitlabRevocation => None,
        }
    }

    /// Where the keys are listed.
    pub const fn keys_url(self) -> Option<&'static str> {
        match self {
            Self::Github => Some("https://api.github.com/meta/public_keys/secret_scanning"),
            Self::Depsdev => Some("https://storage.googleapis.com/depsdev-gcp-public-keys/secret_scanning"),
            // GitLab tells it its partners on request.
            Self::Gitlab | Self::Signed | Self::GitlabRevocation => None,
        }
    }

    /// Whether it reads what became of each token in the answer.
    pub const fn reads_labels(self) -> bool {
        matches!(self, Self::Github | Self::Depsdev | Self::Signed)
    }
}

impl FromStr for ReporterKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("known kinds are {}", known.join(", "))
        })
    }
}

/// How a reporter proves who it is.
#[derive(Debug)]
pub enum Proof {
    /// By a signature over the body.
    Signature(Signatures),
    /// By a secret in `Authorization`, without a scheme.
    Secret(Vec<SecretHash>),
}

/// Where a reporter's signatures are, and what they are verified with.
#[derive(Debug)]
pub struct Signatures {
    /// The header with the key's id.
    pub key_id_header: HeaderName,
    /// The header with the signature.
    pub signature_header: HeaderName,
    /// The keys.
    pub keyring: Keyring<ReporterKeys>,
}

/// A configured reporter.
#[derive(Debug)]
pub struct Reporter {
    /// Its name in the configuration, in addresses, events and metrics.
    pub id: Arc<str>,
    /// Its protocol.
    pub kind: ReporterKind,
    /// How it proves who it is.
    pub proof: Proof,
}

impl Reporter {
    /// Its signatures, if it signs.
    pub fn signatures(&self) -> Option<&Signatures> {
        match &self.proof {
            Proof::Signature(signatures) => Some(signatures),
            Proof::Secret(_) => None,
        }
    }
}

/// All configured reporters.
#[derive(Clone, Debug, Default)]
pub struct Reporters(Vec<Arc<Reporter>>);

impl Reporters {
    /// All of them; the configuration has checked that no two sign in the same headers.
    pub fn new(all: Vec<Reporter>) -> Self {
        Self(all.into_iter().map(Arc::new).collect())
    }

    /// The reporter with this id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<Reporter>> {
        self.0.iter().find(|reporter| &*reporter.id == id)
    }

    /// The only reporter of whose two headers a request has any; none if it has those of several.
    pub fn by_headers(&self, has: impl Fn(&HeaderName) -> bool) -> Option<&Arc<Reporter>> {
        let mut signing = self.0.iter().filter(|reporter| {
            reporter
                .signatures()
                .is_some_and(|signed| has(&signed.key_id_header) || has(&signed.signature_header))
        });
        match (signing.next(), signing.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }

    /// The reporter whose secret this is, in time that does not depend on it.
    pub fn by_secret(&self, secret: &[u8]) -> Option<&Arc<Reporter>> {
        let mut found = None;
        for reporter in &self.0 {
            if let Proof::Secret(known) = &reporter.proof
                && SecretHash::of(secret).is_any_of(known)
            {
                found = Some(reporter);
            }
        }
        found
    }

    /// Every reporter.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Reporter>> {
        self.0.iter()
    }

    /// Lets all replicas share the keys; called once.
    pub fn share_through(&self, sharing: &Sharing) {
        for signatures in self.iter().filter_map(|reporter| reporter.signatures()) {
            // A second call changes nothing.
            let _ = signatures.keyring.provider().sharing.set(sharing.clone());
        }
    }
}
