//! One decision: who, what, which policies, which digest, why not.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::denial::{Denial, Reason};
use crate::identity::Identity;
use crate::policy::AuditModeResult;
use crate::token::{Scope, TokenId};

/// Room for the line of a usual event, whose claims are most of it.
const USUAL_LINE: usize = 2048;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A registry token was minted.
    Minted,
    /// There was no grant.
    Denied,
    /// There was no grant, and policies in audit mode would have given one.
    WouldMint,
    /// A registry token was revoked by its holder.
    Revoked,
    /// A registry token was revoked because it, or another one of its run, was reported as leaked.
    Leaked,
    /// Someone reported leaked tokens; `detail` says what they were.
    Reported,
    /// A cut-off or suspension was set: by an operator, or by a leak.
    Switched,
}

/// An event, written as one line of JSON. It holds no secret.
#[derive(Debug, Serialize)]
pub struct Event {
    /// When, in UTC (RFC 3339).
    #[serde(serialize_with = "rfc3339", rename = "time")]
    pub at_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The protocol that was spoken: `oauth`, `pypi`, `leaks`, `admin` …
    pub dialect: &'static str,
    /// The registry, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<Arc<str>>,
    /// The issuer, where it is a configured one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Arc<str>>,
    /// `<issuer id>|<pinned ids>`, once verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Arc<str>>,
    /// The run, once verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Arc<str>>,
    /// What was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The policies that contributed to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Arc<str>>,
    /// What policies in audit mode would have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_mode: Option<AuditMode>,
    /// The snapshot that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Arc<str>>,
    /// The registry token's public name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<TokenId>,
    /// When the registry token ends, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// Who reported a leak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reporter: Option<Arc<str>>,
    /// Where the reporter found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_at: Option<String>,
    /// The token that was found, for which this one was revoked too if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported_token: Option<TokenId>,
    /// The reported tokens that had ended already, so that they can be found in what they were minted for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<TokenId>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Why not, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Why not, as far as only the operator may know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal: Option<String>,
    /// The verified claims as the issuer signed them; [`Event::line`] writes them last.
    #[serde(skip)]
    pub claims: Option<Arc<str>>,
}

/// How an exchange would have ended with the policies in audit mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditMode {
    /// Those of them that would have contributed.
    pub policies: Vec<Arc<str>>,
    /// What would have been granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Why nothing would have been granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

impl Event {
    /// An event that says nothing yet but when and how it ended.
    pub fn new(at_ms: u64, outcome: Outcome, dialect: &'static str) -> Self {
        Self {
            at_ms,
            outcome,
            dialect,
            registry: None,
            issuer: None,
            subject: None,
            run: None,
            scope: None,
            policies: Vec::new(),
            audit_mode: None,
            digest: None,
            token_id: None,
            expires: None,
            reporter: None,
            found_at: None,
            reported_token: None,
            ended: Vec::new(),
            reason: None,
            detail: None,
            internal: None,
            claims: None,
        }
    }

    /// Says who it was.
    pub fn identify(&mut self, identity: &Identity) {
        self.issuer = Some(Arc::clone(&identity.issuer.id));
        self.subject = Some(Arc::clone(identity.subject()));
        self.run = identity.run().cloned();
        self.claims = Some(Arc::clone(&identity.payload));
    }

    /// Says what was granted.
    pub fn granted(&mut self, scope: &Scope) {
        self.scope = Some(scope.to_string());
    }

    /// Says what policies in audit mode would have changed about a decision.
    pub fn rehearsed(&mut self, rehearsal: &AuditModeResult, granted: bool) {
        if !granted && rehearsal.outcome.is_ok() {
            self.outcome = Outcome::WouldMint;
        }
        self.audit_mode = Some(AuditMode {
            policies: rehearsal.policies.clone(),
            scope: rehearsal.outcome.as_ref().ok().map(Scope::to_string),
            reason: rehearsal.outcome.as_ref().err().map(|reason| reason.as_str()),
        });
    }

    /// Says why not.
    pub fn refuse(&mut self, denial: &Denial) {
        if self.outcome != Outcome::WouldMint {
            self.outcome = Outcome::Denied;
        }
        self.reason = Some(denial.reason.as_str());
        self.detail = Some(denial.detail.to_string());
        self.internal.clone_from(&denial.internal);
    }

    /// The event as a line of JSON, with its end.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = Vec::with_capacity(USUAL_LINE);
        serde_json::to_writer(&mut line, self)?;
        if let Some(claims) = self.claims.as_deref() {
            // In the place of the closing brace.
            line.pop();
            line.extend_from_slice(b",\"claims\":");
            push_claims(&mut line, claims)?;
            line.push(b'}');
        }
        line.push(b'\n');
        Ok(line)
    }

    /// The label of the outcome in metrics.
    pub fn label(&self) -> &'static str {
        match self.outcome {
            Outcome::Minted => "minted",
            Outcome::Denied => self.reason.unwrap_or(Reason::Overloaded.as_str()),
            Outcome::WouldMint => "would_mint",
            Outcome::Revoked => "revoked",
            Outcome::Leaked => "leaked",
            Outcome::Reported => "reported",
            Outcome::Switched => "switched",
        }
    }
}

fn rfc3339<S: Serializer>(at_ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&crate::clock::rfc3339(*at_ms))
}

/// The claims were read as JSON before, so they are repeated as they are. A line break between
/// tokens of JSON would break the line, so such claims are written again.
fn push_claims(line: &mut Vec<u8>, claims: &str) -> serde_json::Result<()> {
    if claims.contains(['\n', '\r']) {
        let value: serde_json::Value = serde_json::from_str(claims)?;
        return serde_json::to_writer(line, &value);
    }
    line.extend_from_slice(claims.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::events::event::*;

    #[test]
    fn event_is_one_line_for_any_claims() {
        for claims in [r#"{"sub":"x"}"#, "{\n \"sub\" :\r\n \"x\"}", "\t{\"sub\":\"x\"} "] {
            let mut event = Event::new(0, Outcome::Minted, "oauth");
            event.claims = Some(claims.into());
            let line = String::from_utf8(event.line().expect("JSON")).expect("UTF-8");
            assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
            let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!(read["claims"]["sub"], "x");
            assert_eq!(read["outcome"], "minted");
        }
    }
}
