//! PyPI, and pypiserver, devpi and their like.

use super::super::route::{Route, read, read_named};

pub(super) const ROUTES: &[Route] = &[
    read("/simple/"),
    read("/simple/{package}"),
    read("/simple/{package}/"),
    read("/pypi/{package}/json"),
    read("/pypi/{package}/{}/json"),
    read_named("/packages/{rest}", file),
    read("/packages/{rest}"),
    // devpi: a user and one of their indexes come first.
    read("/{}/{}/+simple/"),
    read("/{}/{}/+simple/{package}"),
    read("/{}/{}/+simple/{package}/"),
    read_named("/{}/{}/+f/{rest}", file),
    read("/{}/{}/+f/{rest}"),
];

/// The project that a file belongs to, where its name leaves no doubt: what is before the version in
/// a wheel's name (PEP 427) or in that of a source archive with only one `-` (PEP 625).
fn file(rest: &[String]) -> Option<String> {
    let name = rest.last()?;
    let name = name.strip_suffix(".metadata").unwrap_or(name);
    let (stem, lengths) = match name.strip_suffix(".whl") {
        Some(stem) => (stem, 5..=6),
        None => (name.strip_suffix(".tar.gz")?, 2..=2),
    };
    let parts: Vec<_> = stem.split('-').collect();
    let in_no_doubt = lengths.contains(&parts.len()) && parts[1].starts_with(|c: char| c.is_ascii_digit());
    in_no_doubt.then(|| parts[0].to_owned())
}
