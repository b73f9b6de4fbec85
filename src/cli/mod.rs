//! The command line: one file a subcommand.

mod admin;
mod check;
mod client;
mod completions;
mod demo;
mod findings;
mod init;
mod issuer;
mod load;
mod logging;
mod man;
mod policy;
mod serve;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::settings::Config;

/// Everything is fine.
const FINE: u8 = 0;
/// A finding or a denial.
const FINDING: u8 = 1;
/// Wrong usage or configuration.
const INVALID: u8 = 2;
/// Something could not be reached.
const UNREACHABLE: u8 = 3;

/// Trusted publishing for every registry: CI identities in, short-lived registry tokens out.
///
/// Exit codes: 0 fine, 1 a finding or a denial, 2 usage or configuration, 3 something could not be reached.
#[derive(Debug, Parser)]
#[command(name = "trustmint", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve(ConfigFile),
    /// See the whole product in a minute: an issuer, a publishing job, a registry and an attacker
    Demo(demo::Options),
    /// Write a configuration and a first policy, asking what is not given
    Init(Box<init::Options>),
    /// Look at a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at trust policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Look at issuers of ID tokens
    #[command(subcommand)]
    Issuer(IssuerCommand),
    /// Registry clients, who introspect tokens
    #[command(subcommand)]
    Client(ClientCommand),
    /// Registry tokens as strings, offline
    #[command(subcommand)]
    Token(TokenCommand),
    /// Revoke every token that a selector names and that was minted until now
    Revoke(admin::RevokeOptions),
    /// Revoke every token that a selector names, and mint none until `trustmint resume`
    Suspend(admin::SelectorOptions),
    /// End a suspension; the tokens that it revoked stay revoked
    Resume(admin::ResumeOptions),
    /// Print a completion script for your shell
    Completions(completions::Options),
    /// Print the manual page, or write those of all commands
    Man(man::Options),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check the configuration and the policies it names, and start nothing
    Check(ConfigFile),
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Check policies against a configuration, and say what need attention
    Check(check::PolicyOptions),
    /// Run the tests that policies carry
    Test(policy::test::Options),
    /// Explain what an identity gets, and why not more
    Explain(policy::explain::Options),
    /// Show who gains and who loses what between two folders of policies
    Diff(policy::diff::Options),
    /// Print a policy for the identity of an ID token, with its ids pinned and tests beside it
    Scaffold(policy::scaffold::Options),
    /// Print a JSON Schema of policy files, for editors
    Schema(policy::schema::Options),
}

#[derive(Debug, Subcommand)]
enum IssuerCommand {
    /// Ask issuers for their keys as the service would, and say what works, what does not, and what to know
    ///
    /// Exit codes: 0 fine, warnings included; 1 an issuer that cannot work, or a warning with --deny-warnings;
    /// 2 usage or configuration; 3 an issuer could not be reached.
    Check(issuer::Options),
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
    /// Make a client secret: prints it once, and the table that goes into the configuration
    New(client::Options),
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Tell registry, checksum and hash of strings, without printing them
    Inspect(token::inspect::Options),
    /// Print what a secret scanner needs to find the tokens of each registry
    Rules(token::rules::Options),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(long, env = "TRUSTMINT_CONFIG", value_name = "FILE", default_value = "trustmint.toml")]
    config: PathBuf,
}

impl ConfigFile {
    /// Reads the configuration; on failure says what is wrong, and with which code to end.
    fn load(&self) -> Result<Config, u8> {
        Config::load(&self.config).map_err(|diagnostics| {
            complain!("{diagnostics}");
            INVALID
        })
    }
}

impl Cli {
    /// Does what was asked for.
    pub fn run(self) -> ExitCode {
        crate::tls::install_default_provider();
        // The demo's story is on the same screen.
        logging::start(if matches!(self.command, Command::Demo(_)) { "warn" } else { "info" });
        ExitCode::from(match self.command {
            Command::Serve(options) => serve::run(&options.config),
            Command::Demo(options) => demo::run(&options),
            Command::Init(options) => init::run(&options),
            Command::Config(ConfigCommand::Check(options)) => check::config(&options.config),
            Command::Policy(PolicyCommand::Check(options)) => check::policies(&options),
            Command::Issuer(IssuerCommand::Check(options)) => issuer::check(&options),
            Command::Policy(PolicyCommand::Test(options)) => policy::test::run(&options),
            Command::Policy(PolicyCommand::Explain(options)) => policy::explain::run(&options),
            Command::Policy(PolicyCommand::Diff(options)) => policy::diff::run(&options),
            Command::Policy(PolicyCommand::Scaffold(options)) => policy::scaffold::run(&options),
            Command::Policy(PolicyCommand::Schema(options)) => policy::schema::run(&options),
            Command::Client(ClientCommand::New(options)) => client::new(&options),
            Command::Token(TokenCommand::Inspect(options)) => token::inspect::run(&options),
            Command::Token(TokenCommand::Rules(options)) => token::rules::run(&options),
            Command::Revoke(options) => admin::revoke(&options),
            Command::Suspend(options) => admin::suspend(&options),
            Command::Resume(options) => admin::resume(&options),
            Command::Completions(options) => completions::print(&options),
            Command::Man(options) => man::print(&options),
        })
    }
}

/// Prints to standard output; a reader that went away is not an error.
macro_rules! say {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($arg)*);
    }};
}

/// Prints to standard error.
macro_rules! complain {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($arg)*);
    }};
}

pub(crate) use {complain, say};

/// A runtime for commands that need one.
fn runtime() -> Result<tokio::runtime::Runtime, u8> {
    tokio::runtime::Runtime::new().map_err(|error| {
        complain!("error: no runtime: {error}");
        UNREACHABLE
    })
}
