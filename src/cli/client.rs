//! `trustmint client new`.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use zeroize::Zeroizing;

use super::{FINE, UNREACHABLE, complain, say};
use crate::registry::SecretHash;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The client's id
    #[arg(value_name = "ID")]
    id: String,
    /// The registry whose tokens it may introspect
    #[arg(long, value_name = "REGISTRY", default_value = "pypi")]
    registry: String,
}

/// A secret of a client, or the exit code.
pub(super) fn secret() -> Result<Zeroizing<String>, u8> {
    let mut random = Zeroizing::new([0; 32]);
    if rand::fill(&mut random[..]).is_err() {
        complain!("error: the operating system has no randomness");
        return Err(UNREACHABLE);
    }
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(&random[..])))
}

pub(super) fn new(options: &Options) -> u8 {
    let secret = match secret() {
        Ok(secret) => secret,
        Err(code) => return code,
    };
    say!("secret, shown only now: {}", *secret);
    say!();
    say!("[[registries.{}.clients]]", options.registry);
    say!("id = \"{}\"", options.id);
    say!("secret_sha256 = [\"{}\"]", SecretHash::of(secret.as_bytes()).to_hex());
    FINE
}
