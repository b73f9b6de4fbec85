//! `trustmint kill` and `trustmint resume`: switches, thrown through the admin door.

mod door;

use clap::Args;

use super::{ConfigFile, FINDING, FINE, INVALID, UNREACHABLE, complain, say};
use crate::clock::rfc3339;
use crate::settings::{AdminDoor, Config};
use crate::http::admin::{CUT_OFFS, KILL, RESUME, SUSPEND, ShownCutOff};
use crate::store::Selector;

#[derive(Debug, Args)]
pub(super) struct KillOptions {
    #[command(flatten)]
    selector: SelectorOptions,
    /// Mint nothing either, until `trustmint resume` with the same selector
    #[arg(long)]
    suspend: bool,
    /// Show the switches that are in force, and throw none
    #[arg(long, conflicts_with_all = ["suspend", "issuer", "registry", "policy", "repository", "run"])]
    list: bool,
}

#[derive(Debug, Args)]
pub(super) struct ResumeOptions {
    #[command(flatten)]
    selector: SelectorOptions,
}

#[derive(Debug, Args)]
struct SelectorOptions {
    /// Tokens for identities of this issuer
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
    /// Tokens of this registry
    #[arg(long, value_name = "ID")]
    registry: Option<String>,
    /// Tokens that this policy fed
    #[arg(long, value_name = "ID")]
    policy: Option<String>,
    /// Tokens for this repository or project, by id or name
    #[arg(long, value_name = "ID|NAME")]
    repository: Option<String>,
    /// Tokens of this run, as audit events name it
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn kill(options: &KillOptions) -> u8 {
    let done = match (options.list, options.suspend) {
        (true, _) => list(&options.selector.config),
        (_, true) => throw(&options.selector, SUSPEND, "suspended"),
        _ => throw(&options.selector, KILL, "killed"),
    };
    done.err().unwrap_or(FINE)
}

pub(super) fn resume(options: &ResumeOptions) -> u8 {
    let resumed = || {
        let (config, selector) = options.selector.read()?;
        let door = door(&config, &options.selector.config)?;
        let is_suspended = |cut_off: &ShownCutOff| cut_off.until_ms.is_none() && cut_off.selector == selector;
        let was_suspended = in_force(door)?.iter().any(is_suspended);
        // What another replica suspended a moment ago is not listed yet, so it is resumed in any case.
        post(door, RESUME, &selector)?;
        if was_suspended {
            say!("resumed; in force everywhere within a second");
            return Ok(());
        }
        complain!(
            "error: nothing was suspended by exactly this selector; `trustmint kill --list` shows what is"
        );
        Err(FINDING)
    };
    resumed().err().unwrap_or(FINE)
}

fn throw(options: &SelectorOptions, path: &str, done: &str) -> Result<(), u8> {
    let (config, selector) = options.read()?;
    post(door(&config, &options.config)?, path, &selector)?;
    say!("{done}; in force everywhere within a second");
    Ok(())
}

fn post(door: &AdminDoor, path: &str, selector: &Selector) -> Result<(), u8> {
    door::ask(door, path, Some(serde_json::to_vec(selector).unwrap_or_default())).map(drop)
}

fn list(file: &ConfigFile) -> Result<(), u8> {
    let config = file.load()?;
    let mut cut_offs = in_force(door(&config, file)?)?;
    cut_offs.sort_by(|one, other| (one.until_ms, &one.selector).cmp(&(other.until_ms, &other.selector)));
    for cut_off in &cut_offs {
        match cut_off.until_ms {
            None => say!("suspended{}", flags(&cut_off.selector)),
            Some(until) => say!("killed, if minted by {}{}", rfc3339(until), flags(&cut_off.selector)),
        }
    }
    if cut_offs.is_empty() {
        say!("no switch is in force");
    }
    Ok(())
}

/// A selector as it is typed.
fn flags(selector: &Selector) -> String {
    selector.parts().map(|(name, value)| format!(" --{name} {value:?}")).collect()
}

fn in_force(door: &AdminDoor) -> Result<Vec<ShownCutOff>, u8> {
    serde_json::from_str(&door::ask(door, CUT_OFFS, None)?).map_err(|error| {
        complain!("error: the service's answer is not understood: {error}");
        UNREACHABLE
    })
}

fn door<'c>(config: &'c Config, file: &ConfigFile) -> Result<&'c AdminDoor, u8> {
    config.listen.admin.as_ref().ok_or_else(|| {
        complain!(
            "error: {} has no admin door: set `admin` and `admin_token_file` in [listen]",
            file.config.display()
        );
        INVALID
    })
}

impl SelectorOptions {
    /// The configuration, and a selector that may be meant: a slip of the pen that kills nothing is not
    /// to look like a success.
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
