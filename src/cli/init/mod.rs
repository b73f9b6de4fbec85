//! `trustmint init`: a commented configuration and a first policy, from flags and answers.
//!
//! [`answers`] and [`issuer`] ask, by way of [`asker`], what no flag gives; [`configuration`] and
//! [`crate::policy::Draft`] write it down; [`files`] lets the service's own readers look at it before
//! anything is on the disk.

mod answers;
mod asker;
mod configuration;
mod files;
mod issuer;

use std::path::PathBuf;

use clap::Args;

use super::{FINE, client, complain, say};
use crate::registry::SecretHash;
use answers::Answers;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The folder to write into; it is made if it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The broker's own address, as jobs and registries reach it, such as `https://publish.example.com`
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where the broker listens
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: std::net::SocketAddr,
    /// Where health and metrics are
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    ops: std::net::SocketAddr,
    /// The kind of the issuer, that is, of your CI platform
    #[arg(long, value_name = "KIND")]
    issuer: Option<String>,
    /// The issuer's URL, where it is not the same for everyone
    #[arg(long, value_name = "URL")]
    issuer_url: Option<String>,
    /// A PEM file with the only roots to trust for the issuer
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A network of private addresses in which the issuer may be; may be repeated
    #[arg(long, value_name = "NETWORK")]
    allow_private: Vec<ipnet::IpNet>,
    /// Kind `oidc`: a claim that the issuer never gives to someone else; may be repeated
    #[arg(long = "pin", value_name = "NAME")]
    pins: Vec<String>,
    /// A claim of the jobs that may publish, such as repository_id=48124571; may be repeated
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
    /// Accept the audience that all customers of the platform share; kind `azure-devops` has no other
    #[arg(long)]
    accept_shared_audience: bool,
    /// The kind of the registry
    #[arg(long, value_name = "KIND")]
    registry: Option<String>,
    /// The host that the registry's clients talk to, such as pypi.example.com
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// A package that the policy is about; may be repeated
    #[arg(long = "package", value_name = "NAME")]
    packages: Vec<String>,
    /// The registry's id when it asks about tokens [default: KIND-backend]
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Where memory is: `embedded`, one file, or the URL of a Redis
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Ask nothing: what is neither given nor has a default is an error
    #[arg(long)]
    yes: bool,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(options: &Options) -> u8 {
    init(options).map_or_else(|code| code, |()| FINE)
}

fn init(options: &Options) -> Result<(), u8> {
    files::refuse_to_replace(options, &[files::CONFIGURATION.into()])?;
    let answers = Answers::collect(options)?;
    let secret = client::secret()?;
    let draft = answers.draft();
    let configuration = configuration::write(options, &answers, SecretHash::of(secret.as_bytes()));
    let policy = format!("policies/{}.toml", draft.file_stem());
    files::write(options, &configuration, &policy, &draft.write())?;

    let path = options.folder.join(files::CONFIGURATION);
    complain!("wrote {} and {}", path.display(), options.folder.join(&policy).display());
    say!("secret of client {}, shown only now: {}", answers.client, *secret);
    complain!();
    complain!("next:");
    for command in ["config check", "policy test", "issuer check", "serve"] {
        complain!("  trustmint {command} --config {}", path.display());
    }
    Ok(())
}
