//! Recorded claim sets: a JSON object a line, of claims or an event of ours. Read line by line,
//! so that a file may be longer than memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use crate::identity::{Claim, Claims, Identity};
use crate::settings::Config;

/// The longest line, in bytes: the largest ID token's claims, and what an event says around them.
const LONGEST_LINE: u64 = 1 << 18;

/// What a line holds.
pub(super) enum Record {
    /// An identity.
    Identity(Box<Identity>),
    /// Nothing that can be decided about, such as an event without an identity.
    Nothing,
}

/// The lines of a file; `-` is standard input.
pub(super) struct Recorded {
    reader: Box<dyn BufRead>,
    line: u64,
}

impl Recorded {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let reader: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(BufReader::new(io::stdin()))
        } else {
            Box::new(BufReader::new(File::open(path)?))
        };
        Ok(Self { reader, line: 0 })
    }

    /// The next line and its number, or why it cannot be read; `None` at the end.
    pub(super) fn next(&mut self, config: &Config) -> Option<(u64, Result<Record, String>)> {
        let mut text = Vec::new();
        self.line += 1;
        match self.reader.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut text) {
            Ok(0) => return None,
            Ok(_) if text.len() as u64 > LONGEST_LINE => {
                let rest = self.skip_line();
                let why = rest.map_or_else(|error| error.to_string(), |()| "the line is too long".to_owned());
                return Some((self.line, Err(why)));
            }
            Ok(_) => {}
            Err(error) => return Some((self.line, Err(error.to_string()))),
        }
        let record = if text.trim_ascii().is_empty() { Ok(Record::Nothing) } else { read(&text, config) };
        Some((self.line, record))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(length);
            if end.is_some() || length == 0 {
                return Ok(());
            }
        }
    }
}

fn read(line: &[u8], config: &Config) -> Result<Record, String> {
    let object = Claims::parse(line).map_err(|error| format!("no JSON object: {error}"))?;
    let is_event = object.text("outcome").is_some() && object.text("dialect").is_some();
    let (claims, issuer) = match (is_event, object.get("claims")) {
        (true, Some(Claim::Object(claims))) => (claims.clone(), object.text("issuer")),
        (true, _) => return Ok(Record::Nothing),
        (false, _) => (object.clone(), None),
    };
    // Issuers come and go, and so do pins: what is no one's identity any more gains and loses nothing.
    let identity = config
        .issuers
        .of_claims(&claims, issuer)
        .and_then(|issuer| Identity::unsigned(&issuer.settings, claims));
    Ok(identity.map_or(Record::Nothing, |identity| Record::Identity(Box::new(identity))))
}
