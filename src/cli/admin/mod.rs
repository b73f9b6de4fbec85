//! `trustmint revoke`, `suspend` and `resume`: cut-offs and suspensions, set through the admin listener.

mod client;

use clap::Args;

use super::{ConfigFile, FINDING, FINE, INVALID, UNREACHABLE, complain, say};
use crate::clock::rfc3339;
use crate::http::admin::{CUT_OFFS, RESUME, REVOKE, SUSPEND, ShownCutOff};
use crate::settings::{AdminListener, Config};
use crate::store::Selector;

#[derive(Debug, Args)]
pub(super) struct RevokeOptions {
    #[command(flatten)]
    selector: SelectorOptions,
    /// List the cut-offs and suspensions in force, and revoke nothing
    #[arg(long, conflicts_with_all = ["issuer", "registry", "policy", "repository", "run"])]
    list: bool,
}

#[derive(Debug, Args)]
pub(super) struct ResumeOptions {
    #[command(flatten)]
    selector: SelectorOptions,
}

#[derive(Debug, Args)]
pub(super) struct SelectorOptions {
    /// Tokens for identities of this issuer
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
    /// Tokens of this registry
    #[arg(long, value_name = "ID")]
    registry: Option<String>,
    /// Tokens that this policy contributed to
    #[arg(long, value_name = "ID")]
    policy: Option<String>,
    /// Tokens for this repository or project, by id or name
    #[arg(long, value_name = "ID|NAME")]
    repository: Option<String>,
    /// Tokens of this run, as events name it
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn revoke(options: &RevokeOptions) -> u8 {
    let done = if options.list {
        list(&options.selector.config)
    } else {
        set_cut_off(&options.selector, REVOKE, "revoked")
    };
    done.err().unwrap_or(FINE)
}

pub(super) fn suspend(options: &SelectorOptions) -> u8 {
    set_cut_off(options, SUSPEND, "suspended").err().unwrap_or(FINE)
}

pub(super) fn resume(options: &ResumeOptions) -> u8 {
    let resumed = || {
        let (config, selector) = options.selector.read()?;
        let admin = admin(&config, &options.selector.config)?;
        let is_suspended = |cut_off: &ShownCutOff| cut_off.until_ms.is_none() && cut_off.selector == selector;
        let was_suspended = in_force(admin)?.iter().any(is_suspended);
        // What another replica suspended a moment ago is not listed yet, so it is resumed in any case.
        post(admin, RESUME, &selector)?;
        if was_suspended {
            say!("resumed; in force everywhere within a second");
            return Ok(());
        }
        complain!(
            "error: no suspension has exactly this selector; `trustmint revoke --list` lists the suspensions"
        );
        Err(FINDING)
    };
    resumed().err().unwrap_or(FINE)
}

fn set_cut_off(options: &SelectorOptions, path: &str, done: &str) -> Result<(), u8> {
    let (config, selector) = options.read()?;
    post(admin(&config, &options.config)?, path, &selector)?;
    say!("{done}; in force everywhere within a second");
    Ok(())
}

fn post(admin: &AdminListener, path: &str, selector: &Selector) -> Result<(), u8> {
    client::ask(admin, path, Some(serde_json::to_vec(selector).unwrap_or_default())).map(drop)
}

fn list(file: &ConfigFile) -> Result<(), u8> {
    let config = file.load()?;
    let mut cut_offs = in_force(admin(&config, file)?)?;
    cut_offs.sort_by(|one, other| (one.until_ms, &one.selector).cmp(&(other.until_ms, &other.selector)));
    for cut_off in &cut_offs {
        match cut_off.until_ms {
            None => say!("suspended{}", flags(&cut_off.selector)),
            Some(until) => say!("revoked, if minted by {}{}", rfc3339(until), flags(&cut_off.selector)),
        }
    }
    if cut_offs.is_empty() {
        say!("no cut-off or suspension is in force");
    }
    Ok(())
}

/// A selector as it is typed.
fn flags(selector: &Selector) -> String {
    selector.parts().map(|(name, value)| format!(" --{name} {value:?}")).collect()
}

fn in_force(admin: &AdminListener) -> Result<Vec<ShownCutOff>, u8> {
    serde_json::from_str(&client::ask(admin, CUT_OFFS, None)?).map_err(|error| {
        complain!("error: the service's answer is not understood: {error}");
        UNREACHABLE
    })
}

fn admin<'c>(config: &'c Config, file: &ConfigFile) -> Result<&'c AdminListener, u8> {
    config.listen.admin.as_ref().ok_or_else(|| {
        complain!(
            "error: {} has no admin listener: set `admin` and `admin_token_file` in [listen]",
            file.config.display()
        );
        INVALID
    })
}

impl SelectorOptions {
    /// Returns the configuration and the selector. A selector that is empty or names an unknown issuer or
    /// registry is an error: a typing error must not look like a success.
    fn read(&self) -> Result<(Config, Selector), u8> {
        let selector = Selector {
            issuer: self.issuer.clone(),
            registry: self.registry.clone(),
            policy: self.policy.clone(),
            repository: self.repository.clone(),
            run: self.run.clone(),
        };
        let invalid = |complaint: String| {
            complain!("error: {complaint}");
            INVALID
        };
        if selector.is_empty() {
            let all = "name at least one of --issuer, --registry, --policy, --repository and --run";
            return Err(invalid(all.to_owned()));
        }
        if let Some((name, _)) = selector.parts().find(|(_, value)| value.trim().is_empty()) {
            return Err(invalid(format!("--{name} is empty")));
        }
        let config = self.config.load()?;
        let issuers: Vec<_> = config.issuers.iter().map(|issuer| &*issuer.settings.id).collect();
        let registries: Vec<_> = config.registries.iter().map(|registry| &*registry.id).collect();
        for (what, wanted, known) in
            [("issuer", &self.issuer, &issuers), ("registry", &self.registry, &registries)]
        {
            if let Some(id) = wanted.as_deref().filter(|id| !known.contains(id)) {
                let (file, known) = (self.config.config.display(), known.join(", "));
                return Err(invalid(format!("{file} has no {what} \"{id}\"; it has: {known}")));
            }
        }
        Ok((config, selector))
    }
}
