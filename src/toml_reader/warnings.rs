//! Findings that stop nothing, and who accepted them.
//!
//! A section says in its `accept` table which warnings about it someone has looked at, each with
//! the reason. An error cannot be accepted.

use std::collections::HashMap;
use std::ops::Range;

use crate::toml_reader::{Code, Diagnostic, Diagnostics, Position, Section, Severity};

/// The key of the table in which a section accepts warnings.
const ACCEPT: &str = "accept";

/// The warnings of a load. A section's acceptances are read before anything is said about it.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    accepted: HashMap<Position, Vec<Acceptance>>,
    found: Diagnostics,
}

#[derive(Clone, Debug)]
struct Acceptance {
    code: Code,
    reason: String,
    position: Position,
    is_used: bool,
    /// Whether it depends on the day if there is anything to accept.
    is_kept: bool,
}

impl Warnings {
    /// Marks a section's `accept` as known, where what is in it is read later.
    pub fn expect_accept(section: &Section<'_>) {
        section.value(ACCEPT);
    }

    /// Reads what a section accepts. Mistakes in it are errors of the document.
    pub fn read_accept(&mut self, section: &Section<'_>) {
        let Some(table) = section.section(ACCEPT) else { return };
        let acceptances: Vec<_> = table
            .keys()
            .into_iter()
            .filter_map(|key| read_acceptance(&table, key.value, &key.span))
            .collect();
        self.accepted.insert(section.position(), acceptances);
    }

    /// Notes a warning about the section that begins at `owner`.
    pub fn warn(
        &mut self,
        code: Code,
        owner: &Position,
        at: Position,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        let mut owners = self.accepted.get_mut(owner).into_iter().flatten();
        let accepted = owners.find(|acceptance| acceptance.code == code).map(|acceptance| {
            acceptance.is_used = true;
            acceptance.reason.clone()
        });
        self.found.push(Diagnostic::new(code, Some(at), &message.into(), help.into(), accepted));
    }

    /// Keeps what a section accepts of this code, for a warning that only comes with time.
    pub fn keep(&mut self, code: Code, owner: &Position) {
        let acceptances = self.accepted.get_mut(owner).into_iter().flatten();
        for acceptance in acceptances.filter(|acceptance| acceptance.code == code) {
            (acceptance.is_used, acceptance.is_kept) = (true, true);
        }
    }

    /// Notes those acceptances that nothing needed, and forgets all that are not kept.
    pub fn settle(&mut self) {
        for unused in self.accepted.values().flatten().filter(|acceptance| !acceptance.is_used) {
            let message = format!("{} is accepted here, and is not a finding here", unused.code);
            let position = unused.position.clone();
            self.found.report(Code::NeedlessAccept, position, message, "leave it out".to_owned());
        }
        self.accepted.retain(|_, acceptances| {
            acceptances.retain(|acceptance| acceptance.is_kept);
            !acceptances.is_empty()
        });
    }

    /// All of them, in order.
    pub fn into_found(mut self) -> Diagnostics {
        self.found.sort();
        self.found
    }
}

fn read_acceptance(table: &Section<'_>, key: &str, span: &Range<usize>) -> Option<Acceptance> {
    let reason = table.string(key)?;
    let problem = match Code::parse(key) {
        None => format!("there is no finding `{key}`"),
        Some(code) if code.severity() == Severity::Error => {
            format!("{code} is an error; it cannot be accepted")
        }
        Some(_) if reason.value.trim().is_empty() => {
            format!("say why `{key}` is accepted, for anyone who reads this next")
        }
        Some(code) => {
            let (reason, position) = (reason.value.to_owned(), table.position_of(span));
            return Some(Acceptance { code, reason, position, is_used: false, is_kept: false });
        }
    };
    table.error(span, problem, format!("write `{key} = \"the reason\"`, with the code of a warning"));
    None
}
