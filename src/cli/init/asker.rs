//! Where an answer comes from: a flag, else the person at the terminal, else the default.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::cli::{INVALID, complain};

/// One question.
#[derive(Debug, Default)]
pub(super) struct Question<'q> {
    /// The flag that answers it.
    pub(super) flag: &'q str,
    /// As a person is asked.
    pub(super) text: &'q str,
    /// What an empty answer means.
    pub(super) default: Option<&'q str>,
    /// Whether an empty answer means nothing.
    pub(super) optional: bool,
}

/// Asks, and remembers which flags were missed where no one can be asked.
pub(super) struct Asker {
    interactive: bool,
    missing: Vec<String>,
}

impl Asker {
    pub(super) fn new(yes: bool) -> Self {
        Self { interactive: !yes && io::stdin().is_terminal(), missing: Vec::new() }
    }

    /// The answer, if there is one; or the exit code.
    pub(super) fn ask<T>(
        &mut self,
        question: &Question<'_>,
        given: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, u8> {
        if let Some(given) = given {
            return read(given).map(Some).map_err(|why| {
                complain!("error: {} {given}: {why}", question.flag);
                INVALID
            });
        }
        if !self.interactive {
            return match question.default {
                Some(default) => Ok(read(default).ok()),
                None => {
                    if !question.optional {
                        self.missing.push(question.flag.to_owned());
                    }
                    Ok(None)
                }
            };
        }
        loop {
            let line = prompt(question)?;
            let answer = match (line.trim(), question.default) {
                ("", Some(default)) => default,
                ("", None) if question.optional => return Ok(None),
                (line, _) => line,
            };
            match read(answer) {
                Ok(answer) => return Ok(Some(answer)),
                Err(why) => complain!("  {why}"),
            }
        }
    }

    /// Whether everything that is needed was answered; or the exit code.
    pub(super) fn finish(self) -> Result<(), u8> {
        if self.missing.is_empty() {
            return Ok(());
        }
        complain!("error: no one is there to be asked, so {} must be given", self.missing.join(", "));
        Err(INVALID)
    }
}

/// One line of the terminal; the questions are on standard error, so that output can be redirected.
fn prompt(question: &Question<'_>) -> Result<String, u8> {
    let hint = match question.default {
        Some(default) => format!(" [{default}]"),
        None if question.optional => " [none]".to_owned(),
        None => String::new(),
    };
    let mut out = io::stderr();
    let _ = write!(out, "{}{hint}: ", question.text).and_then(|()| out.flush());
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(read) if read > 0 => Ok(line),
        _ => {
            complain!("\nerror: the answers ended before the questions; nothing was written");
            Err(INVALID)
        }
    }
}
