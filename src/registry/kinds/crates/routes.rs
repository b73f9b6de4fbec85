//! crates.io, and kellnr and its like; the index is sparse, at one of several usual places, or in git.

use super::super::route::{Route, on, read, read_named};
use crate::registry::Action::{Owner, Publish, Yank};

pub(super) const ROUTES: &[Route] = &[
    on("PUT", "/api/v1/crates/new", &[Publish]),
    on("DELETE", "/api/v1/crates/{package}/{}/yank", &[Yank]),
    on("PUT", "/api/v1/crates/{package}/{}/unyank", &[Yank]),
    on("PUT DELETE", "/api/v1/crates/{package}/owners", &[Owner]),
    read("/api/v1/crates"),
    read("/api/v1/crates/{package}/owners"),
    read("/api/v1/crates/{package}/{}/download"),
    read("/api/v1/crates/{package}/{}"),
    read("/config.json"),
    read("/crates/config.json"),
    read("/index/config.json"),
    read("/api/v1/crates/config.json"),
    read_named("/{rest}", index),
    read_named("/crates/{rest}", index),
    read_named("/index/{rest}", index),
    read_named("/api/v1/crates/{rest}", index),
    read("/api/v1/crates/{package}"),
    read("/git/{rest}"),
];

/// The crate of an index file: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcd`.
fn index(rest: &[String]) -> Option<String> {
    let (name, folders) = rest.split_last()?;
    // A canonical path is ASCII.
    let expected = match name.len() {
        0 => return None,
        length @ (1 | 2) => length.to_string(),
        3 => format!("3/{}", &name[..1]),
        _ => format!("{}/{}", &name[..2], &name[2..4]),
    };
    (folders.join("/") == expected.to_ascii_lowercase()).then(|| name.clone())
}
