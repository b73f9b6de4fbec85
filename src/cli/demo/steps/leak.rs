//! A token that is found in public, and is revoked before its finder has an answer.

use serde_json::json;

use super::super::check::{Expected, Unexpected};
use super::super::client::Request;
use super::Play;

const REPORT: &str = "/leaks/github";

impl Play<'_> {
    /// The second token is committed by mistake; a scanner finds it and reports it, signed.
    pub(super) async fn token_leaks(&mut self, token: &str) -> Result<(), Unexpected> {
        self.out.title("9. The second job's token is committed by mistake, and a secret scanner reports it");
        let labelled = || Expected::status(200).equals("/0/label", "true_positive");
        let report = self.report(token, labelled())?;
        self.ask("scanner", report, labelled()).await?;
        let expected = Expected::status(200).equals("", json!({ "active": false }));
        self.introspect(token, expected).await?;
        let forged = self.report(token, labelled())?.with_header("github-public-key-signature", "AAAA");
        let expected = Expected::status(403).equals("/reason", "bad_signature");
        self.ask("attacker", forged, expected).await?;
        self.out.meaning(
            "The token was revoked before the scanner had its answer, and with it every other token of that run. \
             Only who signs with a known key is believed; but anyone who holds a token may revoke it.",
        );
        Ok(())
    }

    /// A signed report about one token.
    fn report(&self, token: &str, expected: Expected) -> Result<Request, Unexpected> {
        let record = json!({ "token": token, "type": "demo_pypi", "url": "https://example.com/.env", "source": "commit" });
        let body = json!([record]).to_string();
        let scanner = self.stage.scanner();
        let signature = scanner.sign(body.as_bytes()).map_err(|error| expected.instead(error.to_string()))?;
        Ok(Request::text(REPORT, body, &[("token", token), ("source", "commit")])
            .with_header("github-public-key-identifier", &scanner.key_id())
            .with_header("github-public-key-signature", &signature))
    }
}
