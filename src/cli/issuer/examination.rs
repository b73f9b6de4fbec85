//! What an issuer says, fetched as the service fetches it.

use std::path::Path;
use std::time::Duration;

use hyper::body::Bytes;

use super::subject::Subject;
use super::trouble::Trouble;
use crate::clock::{Clock as _, SystemClock};
use crate::fetch::Fetched;
use crate::identity::{Discovery, IssuerSettings, KeyListing, Remote};

/// What was found, as far as it went.
pub(super) struct Examination {
    pub(super) subject: Subject,
    /// The discovery document, unless the operator says where the keys are.
    pub(super) discovery: Option<Discovery>,
    /// Where the keys are: a URL or a file.
    pub(super) keys_at: Option<String>,
    /// The keys.
    pub(super) keys: Option<KeyListing>,
    /// The answers to the fetches, under the names of the documents.
    pub(super) answers: Vec<(&'static str, Fetched)>,
    /// How long ago the file of keys was changed.
    pub(super) file_age: Option<Duration>,
    /// Why it did not go further.
    pub(super) trouble: Option<Trouble>,
}

/// The name of the answer that has the keys.
pub(super) const KEYS: &str = "key set";
const DISCOVERY: &str = "discovery document";

/// Examines an issuer.
pub(super) async fn examine(subject: Subject) -> Examination {
    let mut examination = Examination {
        subject,
        discovery: None,
        keys_at: None,
        keys: None,
        answers: Vec::new(),
        file_age: None,
        trouble: None,
    };
    if let Err(trouble) = examination.look().await {
        examination.trouble = Some(trouble);
    }
    examination
}

impl Examination {
    /// What the operator says about the issuer.
    pub(super) fn settings(&self) -> &IssuerSettings {
        &self.subject.issuer.settings
    }

    /// The answer that had the keys.
    pub(super) fn keys_answer(&self) -> Option<&Fetched> {
        self.answers.iter().find(|(name, _)| *name == KEYS).map(|(_, answer)| answer)
    }

    async fn look(&mut self) -> Result<(), Trouble> {
        let issuer = self.subject.issuer.clone();
        let document = match (issuer.keyring.remote(), &issuer.keys_file) {
            (Some(remote), _) => self.fetch_keys(remote).await?,
            (None, Some(file)) => self.read_keys(file)?,
            (None, None) => return Ok(()),
        };
        self.keys = Some(KeyListing::parse(&document, issuer.keyring.allows_no_kid())?);
        Ok(())
    }

    async fn fetch_keys(&mut self, remote: &Remote) -> Result<Bytes, Trouble> {
        let keys_at = match &remote.jwks_uri {
            Some(configured) => configured.clone(),
            None => self.discover(remote).await?,
        };
        self.keys_at = Some(keys_at.clone());
        self.fetch(remote, KEYS, &keys_at).await
    }

    /// Where the discovery document says that the keys are.
    async fn discover(&mut self, remote: &Remote) -> Result<String, Trouble> {
        let document = self.fetch(remote, DISCOVERY, &remote.discovery_url()).await?;
        let discovery = self.discovery.insert(Discovery::parse(&document)?);
        Ok(discovery.keys_of(&remote.issuer_url, remote.keys_host)?.to_owned())
    }

    async fn fetch(&mut self, remote: &Remote, name: &'static str, url: &str) -> Result<Bytes, Trouble> {
        match remote.fetcher.get_json(url).await {
            Ok(answer) => {
                let document = answer.body.clone();
                self.answers.push((name, answer));
                Ok(document)
            }
            Err(error) => Err(Trouble::Fetch { url: url.to_owned(), error }),
        }
    }

    fn read_keys(&mut self, file: &Path) -> Result<Bytes, Trouble> {
        self.keys_at = Some(file.display().to_string());
        let document = std::fs::read(file)?;
        let changed = std::fs::metadata(file)?.modified()?;
        let changed = changed.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        self.file_age = Some(Duration::from_millis(SystemClock.now_ms()).saturating_sub(changed));
        Ok(document.into())
    }
}
