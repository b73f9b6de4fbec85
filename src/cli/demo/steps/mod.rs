//! The play. Each step sends real requests, and tells what came back.

mod attacks;
mod audit;
mod job;
mod leak;

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::check::{Expected, Unexpected};
use super::client::{Answer, Request};
use super::files::CLIENT;
use super::narrator::Narrator;
use super::stage::Stage;

const EXCHANGE: &str = "/oauth/token";
const INTROSPECT: &str = "/oauth/introspect";

/// Plays all steps; says how many answers there were.
///
/// # Errors
/// The first answer that was not expected.
pub(super) async fn all(stage: &Stage, out: &Narrator) -> Result<usize, Unexpected> {
    let mut play = Play { stage, out, answers: 0, secrets: Vec::new() };
    play.all().await?;
    Ok(play.answers)
}

/// What is known while playing.
struct Play<'s> {
    stage: &'s Stage,
    out: &'s Narrator,
    answers: usize,
    /// Every token of the play, for looking whether one got where it must not be.
    secrets: Vec<String>,
}

impl Play<'_> {
    async fn all(&mut self) -> Result<(), Unexpected> {
        self.parties().await?;
        let (id_token, token) = self.job_exchanges().await?;
        self.registry_introspects(&token).await?;
        self.attacker_replays(&id_token).await?;
        self.wrong_environment().await?;
        self.wrong_package().await?;
        self.forged_signature(&id_token).await?;
        let second = self.stock_client().await?;
        self.job_burns(&token).await?;
        self.token_leaks(&second).await?;
        self.audit_log().await
    }

    /// Sends a request to the broker's public listener.
    async fn ask(&mut self, who: &str, request: Request, expected: Expected) -> Result<Answer, Unexpected> {
        self.ask_at(self.stage.broker(), who, request, expected).await
    }

    async fn ask_at(
        &mut self,
        door: SocketAddr,
        who: &str,
        request: Request,
        expected: Expected,
    ) -> Result<Answer, Unexpected> {
        self.out.sent(who, "broker", &request.told());
        let answer = request.send(door).await.map_err(|error| expected.instead(error))?;
        self.out.received(answer.status, &expected.told(&answer));
        self.checked(answer, &expected)
    }

    /// Asks the issuer, over TLS.
    async fn ask_issuer(
        &mut self,
        who: &str,
        path: &str,
        expected: Expected,
        told: impl Fn(&Answer) -> Vec<String>,
    ) -> Result<Answer, Unexpected> {
        self.out.sent(who, "issuer", &[format!("GET {path}")]);
        let answer = self.stage.ask_issuer(path).await.map_err(|error| expected.instead(error))?;
        let mut items = expected.told(&answer);
        items.extend(told(&answer));
        self.out.received(answer.status, &items);
        self.checked(answer, &expected)
    }

    /// An ID token for the registry, as a job of GitHub Actions gets one; `also` is added to the query.
    async fn id_token(&mut self, audience: &str, also: &str) -> Result<String, Unexpected> {
        let path = format!("/token?audience={audience}{also}");
        let claims = |answer: &Answer| {
            let claims = claims(answer.text("/value"));
            ["repository", "environment", "ref"].map(|name| format!("{name}={}", text(&claims, name))).into()
        };
        // The encoding of `{"`, with which every JOSE header begins.
        let answer =
            self.ask_issuer("job", &path, Expected::status(200).begins("/value", "ey"), claims).await?;
        Ok(self.keep(&answer, "/value"))
    }

    fn checked(&mut self, answer: Answer, expected: &Expected) -> Result<Answer, Unexpected> {
        expected.check(&answer)?;
        self.answers += 1;
        Ok(answer)
    }

    /// Takes a token out of an answer, and remembers it.
    fn keep(&mut self, answer: &Answer, pointer: &str) -> String {
        let token = answer.text(pointer).to_owned();
        self.secrets.push(token.clone());
        token
    }

    async fn introspect(&mut self, token: &str, expected: Expected) -> Result<Answer, Unexpected> {
        let request =
            Request::form(INTROSPECT, &[("token", token)]).authenticated(CLIENT, self.stage.secret());
        self.ask("registry", request, expected).await
    }

    /// Whom the play is about.
    async fn parties(&mut self) -> Result<(), Unexpected> {
        self.out.title("trustmint demo: an issuer and the broker on this machine, on real sockets");
        let url = self.stage.issuer_url().to_owned();
        let expected = Expected::status(200)
            .equals("/issuer", url.clone())
            .equals("/jwks_uri", format!("{url}/.well-known/jwks"));
        self.ask_issuer("you", "/.well-known/openid-configuration", expected, |_| Vec::new()).await?;
        let public = format!("http://{}", self.stage.broker());
        let expected = Expected::status(200).equals("/issuer", public);
        let broker =
            self.ask("you", Request::get("/.well-known/oauth-authorization-server"), expected).await?;
        let expected = Expected::status(200).equals("/ready", true).equals("/policies", 1);
        self.ask_at(self.stage.ops(), "you", Request::get("/readyz"), expected).await?;
        self.out.meaning(&format!(
            "The issuer stands for GitHub Actions. The broker at {} is what `trustmint serve` runs; it trusts \
             the issuer's signature, and one trust policy says who may publish what.",
            broker.text("/issuer")
        ));
        Ok(())
    }
}

/// The parameters of RFC 8693, and then some.
fn exchange(id_token: &str, also: &[(&str, &str)]) -> Request {
    let mut fields = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("subject_token", id_token),
    ];
    fields.extend_from_slice(also);
    Request::form(EXCHANGE, &fields)
}

fn header(id_token: &str) -> Value {
    part(id_token, 0)
}

fn claims(id_token: &str) -> Value {
    part(id_token, 1)
}

/// A part of an ID token, unverified; null if it is none.
fn part(id_token: &str, index: usize) -> Value {
    let part = id_token.split('.').nth(index).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    part.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

#[cfg(test)]
mod tests;
