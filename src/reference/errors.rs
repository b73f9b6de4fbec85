//! `errors.md`: each reason, its status by dialect, what it means and what to do.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::check;
use crate::denial::Reason;
use crate::http::response::status_table;

#[test]
fn errors() {
    let mut text = "# Errors\n\n<!-- Written by the code: src/denial/help.rs. -->\n\n\
        Every error has a stable `reason`. OAuth endpoints answer as RFC 6749 says, with `error_uri`; all others \
        with RFC 9457 problem documents, with `type`, and with the members that the registries' own clients print \
        (`message`, `error`, `errors`). Both lead to a page of the broker itself: `<public_url>/errors/<reason>`. \
        Once a policy's pinned ids match, an answer also has `claim`, `received` and `expected`.\n\n\
        The status depends on what the clients of a registry's kind expect. Some refusals have one that says more: \
        403 (crates: no `User-Agent`; /forward-auth: no one knows what the request is), 405 (method), 406 (no media \
        type that discovery has), 408 (the request took too long), 413 (size), 415 (type of the body), 421 (no \
        registry has this host).\n"
        .to_owned();
    for reason in Reason::ALL {
        let help = reason.help();
        let _ = write!(
            text,
            "\n## `{reason}`\n\n{} **What to do:** {}\n\n{}\n",
            help.meaning,
            help.advice,
            status(reason)
        );
    }
    check("errors.md", &text);
}

/// Who answers with which status, the commonest first.
fn status(reason: Reason) -> String {
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for (who, status) in status_table::of(reason) {
        if let Some(status) = status {
            by_status.entry(status).or_default().push(who);
        }
    }
    if let (1, Some((status, who))) = (by_status.len(), by_status.iter().next())
        && who.len() > 1
    {
        return format!("Status {status}.");
    }
    let parts: Vec<_> =
        by_status.iter().map(|(status, who)| format!("{status} ({})", who.join(", "))).collect();
    format!("Status {}.", parts.join(", "))
}
