//! `trustmint token inspect`: what a string is, without printing it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::super::{ConfigFile, FINDING, FINE, INVALID, complain, say};
use crate::hex;
use crate::registry::Registries;
use crate::token::{RegistryToken, TokenId};

/// More than any file that is inspected for a token on each of its lines.
const LARGEST: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// A file with one string on each line; `-` is standard input. Strings are never arguments, which
    /// other users of the machine could read
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

/// Fine if every string is well-formed; whether a token lives is for introspection to tell.
pub(in crate::cli) fn run(options: &Options) -> u8 {
    let config = match options.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let text = match read(&options.file) {
        Ok(text) => text,
        Err(error) => {
            complain!("error: {}: {error}", options.file.display());
            return INVALID;
        }
    };
    let mut verdict = FINE;
    let mut seen = false;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        seen = true;
        let found = inspect(&config.registries, line.trim());
        say!("{}: {}", number + 1, found.as_ref().unwrap_or_else(|why| why));
        if found.is_err() {
            verdict = FINDING;
        }
    }
    if !seen {
        complain!("error: {}: there is no string in it", options.file.display());
        return INVALID;
    }
    verdict
}

/// Registry and hash of a well-formed token, or what is wrong with the string.
fn inspect(registries: &Registries, text: &str) -> Result<String, String> {
    let Some(registry) = registries.by_token(text) else {
        return Err("no prefix of a configured registry".to_owned());
    };
    let prefix = &registry.token_prefix;
    match RegistryToken::parse(prefix, text) {
        Some(token) => Ok(format!(
            "a token of registry \"{}\": prefix \"{prefix}\", the checksum is right, token_id {}, SHA-256 {}",
            registry.id,
            TokenId::from(token.hash()).as_str(),
            hex::encode(&token.hash().0)
        )),
        None => Err(format!(
            "prefix \"{prefix}\" of registry \"{}\", but length, alphabet or checksum are wrong",
            registry.id
        )),
    }
}

fn read(path: &Path) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    if path == Path::new("-") {
        std::io::stdin().take(LARGEST).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    }
    Ok(text)
}
