//! The identity that a command is about: an ID token or a JSON of claims, from a file or standard
//! input. Neither is ever an argument, which other users of the machine could see, and neither is
//! ever repeated in a message.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::{INVALID, complain};
use crate::denial::Denial;
use crate::identity::{Claims, Jws, MAX_TOKEN_BYTES};

/// The largest JSON of claims, in bytes.
const MAX_CLAIMS_BYTES: u64 = 1 << 20;

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Input {
    /// The file with the ID token; `-` is standard input
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// The file with a JSON object of claims; `-` is standard input
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
}

/// What was read.
pub(super) enum Given {
    /// An ID token.
    IdToken(String),
    /// Claims that no one signed.
    Claims(Claims),
}

impl Input {
    /// Reads it, or gives the exit code.
    pub(super) fn read(&self) -> Result<Given, u8> {
        match (&self.token, &self.claims) {
            (Some(path), _) => {
                let text = read(path, "token", MAX_TOKEN_BYTES)?;
                Ok(Given::IdToken(text.trim().to_owned()))
            }
            (None, Some(path)) => {
                let text = read(path, "claims", MAX_CLAIMS_BYTES)?;
                Claims::parse(text.as_bytes()).map(Given::Claims).map_err(|error| {
                    complain!("error: --claims is not one unambiguous JSON object: {error}");
                    INVALID
                })
            }
            (None, None) => Err(INVALID),
        }
    }
}

/// The claims of an ID token that no one verifies.
pub(super) fn unverified_claims(token: &str) -> Result<Claims, Denial> {
    let jws = Jws::parse(token, token.len())?;
    Claims::parse(&jws.payload).map_err(|error| {
        Denial::new(crate::denial::Reason::MalformedToken, "the ID token's payload is not a JSON object")
            .internal(error)
    })
}

fn read(path: &Path, option: &str, most: u64) -> Result<String, u8> {
    let read = || -> io::Result<String> {
        let mut text = String::new();
        let input: Box<dyn Read> =
            if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
        input.take(most + 1).read_to_string(&mut text)?;
        if text.len() as u64 > most {
            return Err(io::Error::other(format!("it has more than {most} bytes")));
        }
        Ok(text)
    };
    read().map_err(|error| {
        // Without the name, which may be a token that was given in the place of one.
        complain!("error: the file of --{option} cannot be read: {error}");
        INVALID
    })
}
