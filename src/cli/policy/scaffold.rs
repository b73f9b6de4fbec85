//! `trustmint policy scaffold`.

use clap::Args;

use super::input::{Given, Input, unverified_claims};
use super::printable;
use crate::cli::{ConfigFile, FINDING, FINE, INVALID, complain, say};
use crate::clock::{Clock as _, SystemClock};
use crate::identity::Identity;
use crate::policy::decide;
use crate::policy::scaffold;
use crate::policy::{LoadError, RequestedScope, load_documents};
use crate::registry::Package;
use crate::toml_reader::Source;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    input: Input,
    /// The registry
    #[arg(long, value_name = "ID")]
    registry: String,
    /// A package that it may publish; may be repeated
    #[arg(long = "package", value_name = "NAME", required = true)]
    packages: Vec<String>,
    /// The issuer of claims whose `iss` does not say it
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

pub(in crate::cli) fn run(options: &Options) -> u8 {
    print(options).unwrap_or_else(|code| code)
}

fn print(options: &Options) -> Result<u8, u8> {
    let config = options.config.load()?;
    let invalid = |what: String| {
        complain!("error: {}", printable(&what));
        INVALID
    };
    let registry = config.registries.by_id(&options.registry);
    let registry =
        registry.ok_or_else(|| invalid(format!("no registry \"{}\" is configured", options.registry)))?;
    let parse = |name: &String| {
        Package::parse(registry.kind, name).map_err(|error| invalid(format!("\"{name}\": {error}")))
    };
    let packages = options.packages.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let claims = match options.input.read()? {
        Given::Claims(claims) => Ok(claims),
        Given::IdToken(token) => unverified_claims(&token),
    };
    let identity = claims.and_then(|claims| {
        let issuer = config.issuers.of_claims(&claims, options.issuer.as_deref())?;
        Identity::unsigned(&issuer.settings, claims)
    });
    let identity = identity.map_err(|denial| {
        invalid(denial.to_string());
        FINDING
    })?;

    let text = scaffold(&identity, registry, &packages);
    let loaded = load_documents(&[Source::new("the policy", text.as_str())], &config.vocabulary());
    let snapshot = loaded.map_err(|LoadError(diagnostics)| {
        invalid(format!("no policy can be made of these claims: {diagnostics}"));
        FINDING
    })?;
    say!("# Made of claims that no one verified: compare the ids with your platform's.");
    say!("{}", text.trim_end());
    if let Err(denial) = decide(&snapshot, &identity, registry, RequestedScope::Everything, SystemClock.now())
    {
        complain!("warning: this very job would be refused: {}", printable(&denial.to_string()));
    }
    Ok(FINE)
}
