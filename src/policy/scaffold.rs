//! A policy for an identity: its ids pinned, what is recommended beside them, and tests.

use std::fmt::Write as _;

use super::Glob;
use crate::identity::{Claim, Identity};
use crate::registry::{Package, Registry};

/// Writes a policy that lets this identity publish these packages, as TOML.
pub fn scaffold(identity: &Identity, registry: &Registry, packages: &[Package]) -> String {
    let issuer = &identity.issuer;
    let names: Vec<_> = packages.iter().map(|package| quoted(package.as_str())).collect();
    let mut text = format!(
        "[[policy]]\nid = {}\nissuer = {}\nregistry = {}\npackages = [{}]\nactions = [\"publish\"]\n\n[policy.match]\n",
        quoted(&id(packages)),
        quoted(&issuer.id),
        quoted(&registry.id),
        names.join(", ")
    );
    text.push_str("# Ids are pinned, because names can be taken over.\n");
    for pin in identity.pins() {
        line(&mut text, &pin.name, &quoted(&pin.value));
    }
    let recommended: Vec<_> = recommended(identity).collect();
    for (claim, why, value) in &recommended {
        let _ = writeln!(text, "# {}.", sentence(why));
        line(&mut text, claim, &pattern(value));
    }
    text.push_str("\n[[policy.test]]\nname = \"this job publishes\"\n");
    let claims: Vec<_> =
        recommended.iter().map(|(claim, _, value)| format!("{} = {}", key(claim), quoted(value))).collect();
    if !claims.is_empty() {
        let _ = writeln!(text, "claims = {{ {} }}", claims.join(", "));
    }
    text.push_str("expect = \"allow\"\n");
    let pins = identity.pins().iter().map(|pin| (pin.name.as_str(), pin.value.as_str()));
    let recommended = recommended.iter().map(|(claim, _, value)| (*claim, value.as_str()));
    for (claim, value) in pins.chain(recommended) {
        let _ = write!(
            text,
            "\n[[policy.test]]\nname = {}\nclaims = {{ {} = {} }}\nexpect = \"deny\"\n",
            quoted(&format!("another {claim} does not")),
            key(claim),
            quoted(another(value))
        );
    }
    text
}

/// What the kind recommends and the identity has. A value with `*` in it cannot be written as one.
fn recommended(identity: &Identity) -> impl Iterator<Item = (&'static str, &'static str, String)> {
    identity.issuer.kind.recommended.iter().filter_map(|(claim, why)| {
        let value = identity.claim(claim).and_then(Claim::canonical)?;
        let fits = !value.is_empty() && !value.contains('*');
        fits.then(|| (*claim, *why, value.into_owned()))
    })
}

/// A tag stands for all versions; everything else for itself.
fn pattern(value: &str) -> String {
    let versions = value.strip_prefix("refs/tags/").and_then(|tag| {
        let version = tag.rsplit('/').next()?;
        let head = &value[..value.len() - version.len()];
        let digit = version.find(|letter: char| letter.is_ascii_digit())?;
        let named = match version[..digit].strip_suffix('v') {
            None if digit == 0 => "",
            Some(name) if name.is_empty() || name.ends_with(['-', '_', '.']) => &version[..digit],
            _ => return None,
        };
        let glob = format!("{head}{named}*");
        Glob::parse(&glob).ok().filter(|parsed| parsed.matches(value)).map(|_| glob)
    });
    match versions {
        Some(glob) => format!("{{ glob = {} }}", quoted(&glob)),
        None => quoted(value),
    }
}

/// A value that somebody else has.
fn another(value: &str) -> &'static str {
    let others = if value.starts_with("refs/") {
        ["refs/heads/another", "refs/heads/other"]
    } else {
        ["another", "other"]
    };
    if value == others[0] { others[1] } else { others[0] }
}

fn id(packages: &[Package]) -> String {
    let name = packages.first().map_or("package", Package::as_str);
    let plain: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(150)
        .collect();
    format!("{}-release", plain.trim_matches('-'))
}

fn line(text: &mut String, claim: &str, value: &str) {
    let _ = writeln!(text, "{} = {value}", key(claim));
}

fn key(name: &str) -> String {
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { name.to_owned() } else { quoted(name) }
}

/// A basic string of TOML, whatever is in it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ if letter.is_control() => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
