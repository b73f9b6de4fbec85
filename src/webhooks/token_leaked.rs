//! The message that a token leaked.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::clock::rfc3339;
use crate::store::RevocationReason;
use crate::token::{Record, TokenHash, TokenId};

/// The message's type.
const TYPE: &str = "token.leaked";
/// How many other tokens are named at most; events name all.
const MOST_NAMED: usize = 100;

/// Where a token was found, as its reporter says.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Found {
    /// The reporter's id.
    pub reporter: Arc<str>,
    /// The address; may be empty.
    pub url: String,
    /// In what, such as `commit`; may be empty.
    pub source: String,
}

/// A leak, and what was done about it.
#[derive(Debug)]
pub struct TokenLeaked<'l> {
    /// The token that was reported.
    pub token: TokenHash,
    /// What is known about it.
    pub record: &'l Record,
    /// The address of its run's page, where it is known.
    pub run_url: Option<String>,
    /// Where it was found.
    pub found: &'l Found,
    /// Every token that was revoked with it, itself included; `None`: it is not known how many were.
    pub revoked: Option<Vec<TokenHash>>,
    /// The policies that were suspended; `None`: it is not known whether any was.
    pub suspended: Option<Vec<Arc<str>>>,
    /// When, in milliseconds since the epoch.
    pub at_ms: u64,
}

#[derive(Serialize)]
struct Message<'m> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Data<'m>,
}

#[derive(Serialize)]
struct Data<'m> {
    token: Token<'m>,
    publisher: Publisher<'m>,
    policies: &'m [Arc<str>],
    found: &'m Found,
    done: Done<'m>,
}

#[derive(Serialize)]
struct Token<'m> {
    id: TokenId,
    registry: &'m str,
    packages: Vec<&'m str>,
    scope: String,
    minted: String,
    expires: String,
}

#[derive(Serialize)]
struct Publisher<'m> {
    issuer: &'m str,
    subject: &'m str,
    run: Option<&'m str>,
    run_url: Option<&'m str>,
    /// As the issuer signed them.
    claims: Value,
}

#[derive(Serialize)]
struct Done<'m> {
    /// What happened to the token and to the others of its run.
    tokens: RevocationReason,
    /// How many tokens were revoked.
    #[serde(rename = "killed")]
    revoked: Option<usize>,
    /// Their public names, as many as fit.
    #[serde(rename = "killed_ids")]
    revoked_ids: Vec<TokenId>,
    suspended_policies: Option<&'m [Arc<str>]>,
}

impl TokenLeaked<'_> {
    /// The message as JSON.
    pub fn payload(&self) -> String {
        let record = self.record;
        let revoked = self.revoked.as_deref();
        let message = Message {
            kind: TYPE,
            timestamp: rfc3339(self.at_ms).to_string(),
            data: Data {
                token: Token {
                    id: self.token.into(),
                    registry: &record.registry,
                    packages: record.scope.iter().map(|(package, _)| package.as_str()).collect(),
                    scope: record.scope.to_string(),
                    minted: rfc3339(record.minted_ms).to_string(),
                    expires: rfc3339(record.expires * 1000).to_string(),
                },
                publisher: Publisher {
                    issuer: &record.issuer,
                    subject: &record.subject,
                    run: record.run.as_deref(),
                    run_url: self.run_url.as_deref(),
                    claims: serde_json::from_str(&record.identity).unwrap_or_default(),
                },
                policies: &record.policies,
                found: self.found,
                done: Done {
                    tokens: RevocationReason::Leaked,
                    revoked: revoked.map(<[_]>::len),
                    revoked_ids: revoked
                        .unwrap_or_default()
                        .iter()
                        .take(MOST_NAMED)
                        .map(|hash| (*hash).into())
                        .collect(),
                    suspended_policies: self.suspended.as_deref(),
                },
            },
        };
        // Strings and numbers only: it can always be written.
        serde_json::to_string(&message).unwrap_or_default()
    }
}
