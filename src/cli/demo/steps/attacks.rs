//! What must not go well.

use serde_json::json;

use super::super::check::{Expected, Unexpected};
use super::super::files::{AUDIENCE, ENVIRONMENT};
use super::super::issuer::{Signer, random_hex};
use super::{Play, claims, exchange, header, text};

impl Play<'_> {
    /// The same ID token a second time.
    pub(super) async fn attacker_replays(&mut self, id_token: &str) -> Result<(), Unexpected> {
        self.out.title("3. An attacker got hold of the job's ID token, and replays it");
        let answer = self.ask("attacker", exchange(id_token, &[]), denied("replayed")).await?;
        self.out.meaning(&format!(
            "{}: an ID token is good for one registry token, so a copy of a spent one is worth nothing.",
            answer.text("/reason")
        ));
        Ok(())
    }

    /// Another environment than the policy's.
    pub(super) async fn wrong_environment(&mut self) -> Result<(), Unexpected> {
        self.out.title("4. A job of the same repository, in another environment, wants a token too");
        let id_token = self.id_token(AUDIENCE, "&environment=staging").await?;
        let expected = denied("claim_mismatch")
            .equals("/claim", "environment")
            .equals("/received", "staging")
            .equals("/expected", json!([ENVIRONMENT]));
        let answer = self.ask("job", exchange(&id_token, &[]), expected).await?;
        let wanted = answer.text("/expected/0");
        self.out.meaning(&format!(
            "The signature is good, but the policy wants {} {wanted} and this run is in {}: the answer says what \
             to fix.",
            answer.text("/claim"),
            answer.text("/received")
        ));
        Ok(())
    }

    /// Another package than the policy's.
    pub(super) async fn wrong_package(&mut self) -> Result<(), Unexpected> {
        self.out.title("5. Someone took over the job, and asks for a package that is not its own");
        let id_token = self.id_token(AUDIENCE, "").await?;
        let scope = "package:another-project:publish";
        let expected = Expected::status(400)
            .equals("/error", "invalid_scope")
            .equals("/reason", "not_covered")
            .begins("/error_description", "the policies that match do not cover");
        let answer = self.ask("attacker", exchange(&id_token, &[("scope", scope)]), expected).await?;
        self.out.meaning(&format!(
            "{}: the identity is right, and still worth its own package only.",
            answer.text("/reason")
        ));
        Ok(())
    }

    /// Claims as they should be, under a key id as it should be, signed by someone else.
    pub(super) async fn forged_signature(&mut self, genuine: &str) -> Result<(), Unexpected> {
        self.out.title("6. The attacker writes the right claims, and signs them with a key of its own");
        let expected = denied("bad_signature");
        let forged = forge(genuine).map_err(|error| expected.instead(format!("no forgery: {error}")))?;
        let claimed = claims(&forged);
        let id = |name| format!("{name}={}", text(&claimed, name));
        self.out.read(&[id("iss"), id("repository_owner_id"), id("repository_id"), id("environment")]);
        let answer = self.ask("attacker", exchange(&forged, &[]), expected).await?;
        self.secrets.push(forged);
        self.out.meaning(&format!(
            "{}: only the issuer has the key whose public half it serves, so no one else can speak for a job.",
            answer.text("/reason")
        ));
        Ok(())
    }
}

/// A denial of an ID token, as RFC 8693 wants it.
fn denied(reason: &str) -> Expected {
    Expected::status(400).equals("/error", "invalid_request").equals("/reason", reason)
}

/// A copy with a fresh `jti`, and with the genuine token's `kid`.
fn forge(genuine: &str) -> std::io::Result<String> {
    let mut claims = claims(genuine);
    claims["jti"] = random_hex::<16>()?.into();
    Signer::generate(text(&header(genuine), "kid"))?.sign(&claims)
}
