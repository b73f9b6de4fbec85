//! What goes well: the publishing job and the registry.

use serde_json::json;

use super::super::check::{Expected, Unexpected};
use super::super::client::Request;
use super::super::files::{AUDIENCE, ENVIRONMENT, PACKAGE, REGISTRY, TOKEN_PREFIX, TOKEN_TTL};
use super::{Play, exchange};

impl Play<'_> {
    /// ID token in, registry token out; gives back both.
    pub(super) async fn job_exchanges(&mut self) -> Result<(String, String), Unexpected> {
        self.out.title("1. A publishing job swaps its ID token for a registry token");
        let id_token = self.id_token(AUDIENCE, "").await?;
        let expected = Expected::status(200)
            .begins("/access_token", TOKEN_PREFIX)
            .equals("/scope", scope(PACKAGE))
            .within("/expires_in", 1..=TOKEN_TTL);
        let answer = self.ask("job", exchange(&id_token, &[]), expected).await?;
        let seconds = answer.body.pointer("/expires_in").and_then(serde_json::Value::as_u64).unwrap_or(0);
        self.out.meaning(&format!(
            "No secret is stored in the repository or its CI: the job proved which run it is, and got a token \
             for {} only, dead in {} minutes.",
            answer.text("/scope"),
            seconds.div_ceil(60)
        ));
        let token = self.keep(&answer, "/access_token");
        Ok((id_token, token))
    }

    /// The registry asks what a token is good for.
    pub(super) async fn registry_introspects(&mut self, token: &str) -> Result<(), Unexpected> {
        self.out.title("2. The registry is shown that token, and asks the broker what it is good for");
        let expected = Expected::status(200)
            .equals("/active", true)
            .equals("/scope", scope(PACKAGE))
            .equals("/aud", REGISTRY)
            .equals("/publisher/repository", "acme/sampleproject")
            .equals("/publisher/environment", ENVIRONMENT)
            .equals("/publisher/ref", "refs/tags/v1.4.0");
        let answer = self.introspect(token, expected).await?;
        self.out.meaning(&format!(
            "The registry can let the upload in, and record as provenance who publishes: {} at {}.",
            answer.text("/publisher/repository"),
            answer.text("/publisher/ref")
        ));
        Ok(())
    }

    /// The same, as clients of PyPI speak it; gives back the token.
    pub(super) async fn stock_client(&mut self) -> Result<String, Unexpected> {
        self.out.title("7. The same in the dialect of PyPI, for stock clients such as `uv publish`");
        let expected = Expected::status(200).equals("/audience", AUDIENCE);
        let answer = self.ask("job", Request::get("/_/oidc/audience"), expected).await?;
        let id_token = self.id_token(answer.text("/audience"), "").await?;
        let expected = Expected::status(200).equals("/success", true).begins("/token", TOKEN_PREFIX);
        let answer =
            self.ask("job", Request::json("/_/oidc/mint-token", "token", &id_token), expected).await?;
        let token = self.keep(&answer, "/token");
        let expected = Expected::status(200).equals("/active", true).equals("/scope", scope(PACKAGE));
        let answer = self.introspect(&token, expected).await?;
        self.out.meaning(&format!(
            "A client that publishes to PyPI publishes here as it is, and gets the same {}.",
            answer.text("/scope")
        ));
        Ok(token)
    }

    /// The job is done, and so is its token.
    pub(super) async fn job_burns(&mut self, token: &str) -> Result<(), Unexpected> {
        self.out.title("8. The first job is done, and burns its token");
        let request = Request::form("/oauth/revoke", &[("token", token)]);
        self.ask("job", request, Expected::status(200).empty()).await?;
        let expected = Expected::status(200).equals("", json!({ "active": false }));
        let answer = self.introspect(token, expected).await?;
        self.out.meaning(&format!(
            "From that answer on the token is revoked everywhere, anyone who has a copy: the registry hears {}.",
            answer.body
        ));
        Ok(())
    }
}

fn scope(package: &str) -> String {
    format!("package:{package}:publish")
}
