//! `trustmint policy explain`.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use clap::Args;

use super::input::{Given, Input, unverified_claims};
use super::{Format, print_json, render};
use crate::broker::{Audience, Expected, verify_id_token};
use crate::cli::{ConfigFile, FINDING, FINE, INVALID, UNREACHABLE, complain, load, runtime};
use crate::clock::{Clock as _, SystemClock};
use crate::denial::Denial;
use crate::identity::{Claim, Claims, Identity};
use crate::policy::tools::explain::{Decision, explain};
use crate::registry::Registry;
use crate::settings::Config;
use crate::token::Scope;

/// Explains what an identity gets from the policies, which conditions hold and which do not, and what
/// to change where. Suspensions and spent ID tokens are the running service's to know.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    input: Input,
    /// The registry; by default the one that the audience names, else every one
    #[arg(long, value_name = "ID")]
    registry: Option<String>,
    /// The issuer of claims whose `iss` does not say it
    #[arg(long, value_name = "ID", conflicts_with = "token")]
    issuer: Option<String>,
    /// What to ask for, such as "package:widget:publish"; by default everything
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// The instant to decide at, such as 2027-01-31T12:00:00Z; by default the present
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    at: Option<std::time::SystemTime>,
    /// Do not verify the ID token: anyone can have written it
    #[arg(long, conflicts_with = "claims")]
    no_verify: bool,
    #[command(flatten)]
    config: ConfigFile,
    /// How results are printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(in crate::cli) fn run(options: &Options) -> u8 {
    answer(options).unwrap_or_else(|code| code)
}

fn answer(options: &Options) -> Result<u8, u8> {
    let config = options.config.load()?;
    let snapshot = load::policies(&config.policies, &config)?;
    let given = options.input.read()?;
    let unverified = match &given {
        Given::Claims(claims) => Ok(claims.clone()),
        Given::IdToken(token) => unverified_claims(token),
    };
    let now = match options.at {
        Some(at) => at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        None => SystemClock.now(),
    };
    let targets = targets(options, &config, unverified.as_ref().ok())?;
    let wanted = wanted(options, &targets)?;
    let verified = matches!(given, Given::IdToken(_)) && !options.no_verify;
    let identity = match (given, unverified) {
        (Given::IdToken(token), _) if verified => verify(&config, &token, &targets, now)?,
        (_, claims) => claims.and_then(|claims| {
            let issuer = config.issuers.of_claims(&claims, options.issuer.as_deref())?;
            Identity::unsigned(&issuer.settings, claims)
        }),
    };
    let mut answer = render::Answer { verified, refused: None, explanations: Vec::new() };
    let code = match identity {
        Ok(identity) => {
            let explain = |registry: &Arc<Registry>| {
                explain(&snapshot, &identity, registry, wanted.as_ref().into(), now)
            };
            answer.explanations = targets.iter().map(explain).collect();
            let allowed = answer.explanations.iter().any(|explanation| explanation.decision.allowed);
            if allowed { FINE } else { FINDING }
        }
        Err(denial) => {
            answer.verified = false;
            answer.refused = Some(Decision::from(&denial));
            if denial.reason.is_outage() { UNREACHABLE } else { FINDING }
        }
    };
    match options.format {
        Format::Human => render::answer(&answer),
        Format::Json => {
            print_json(&answer);
        }
    }
    Ok(code)
}

/// The registries to explain for.
fn targets(options: &Options, config: &Config, claims: Option<&Claims>) -> Result<Vec<Arc<Registry>>, u8> {
    if let Some(id) = &options.registry {
        let registry = config.registries.by_id(id).ok_or_else(|| {
            complain!("error: no registry \"{id}\" is configured");
            INVALID
        })?;
        return Ok(vec![Arc::clone(registry)]);
    }
    let audience = match claims.and_then(|claims| claims.get("aud")) {
        Some(Claim::Text(audience)) => Some(audience),
        Some(Claim::List(items)) => items.iter().find_map(|item| match item {
            Claim::Text(audience) => Some(audience),
            _ => None,
        }),
        _ => None,
    };
    let named = audience
        .and_then(|audience| config.registries.iter().find(|registry| registry.audiences.contains(audience)));
    Ok(named
        .map_or_else(|| config.registries.iter().cloned().collect(), |registry| vec![Arc::clone(registry)]))
}

fn wanted(options: &Options, targets: &[Arc<Registry>]) -> Result<Option<Scope>, u8> {
    let Some(scope) = &options.scope else { return Ok(None) };
    let [registry] = targets else {
        complain!("error: --scope is about one registry: name it with --registry");
        return Err(INVALID);
    };
    Scope::parse(registry.kind, scope).map(Some).map_err(|error| {
        complain!("error: --scope: {error}");
        INVALID
    })
}

/// Verifies an ID token as the service does, with the issuer's keys.
fn verify(
    config: &Config,
    token: &str,
    targets: &[Arc<Registry>],
    now: u64,
) -> Result<Result<Identity, Denial>, u8> {
    // If there are several, no registry lists the audience, and it can only be the broker's own.
    let Some(registry) = targets.first() else {
        complain!("error: no registry is configured");
        return Err(INVALID);
    };
    let expected = Expected {
        issuers: &config.issuers,
        registry,
        audience: Audience::RegistryOrBroker,
        public_url: &config.public_url,
        max_bytes: config.limits.id_token_bytes,
        now,
    };
    let verified = runtime()?.block_on(verify_id_token(token, &expected, |_| {}));
    Ok(verified.map(|verified| verified.identity))
}
