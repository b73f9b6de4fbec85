//! A policy for an identity: its ids pinned, what is recommended beside them, and tests.

use std::fmt::Write as _;

use crate::identity::{Claim, Identity};
use crate::policy::Glob;
use crate::registry::{Package, Registry};
use crate::toml_reader::quoted;

/// What a new policy says.
#[derive(Debug, Default)]
pub struct Draft<'d> {
    /// The issuer's id.
    pub issuer: &'d str,
    /// The registry's id.
    pub registry: &'d str,
    /// What may be published.
    pub packages: &'d [Package],
    /// The pinned claims.
    pub pins: Vec<(&'d str, &'d str)>,
    /// What is recommended beside them, why, and its value.
    pub recommended: Vec<(&'static str, &'static str, String)>,
    /// What is recommended and left open, and why it is recommended.
    pub open: Vec<(&'static str, &'static str)>,
}

/// Writes a policy that lets this identity publish these packages, as TOML.
pub fn scaffold(identity: &Identity, registry: &Registry, packages: &[Package]) -> String {
    let draft = Draft {
        issuer: &identity.issuer.id,
        registry: &registry.id,
        packages,
        pins: identity.pins().iter().map(|pin| (pin.name.as_str(), pin.value.as_str())).collect(),
        recommended: recommended(identity).collect(),
        open: Vec::new(),
    };
    draft.write()
}

impl Draft<'_> {
    /// The policy as TOML.
    pub fn write(&self) -> String {
        let names: Vec<_> = self.packages.iter().map(|package| quoted(package.as_str())).collect();
        let mut text = format!(
            "[[policy]]\nid = {}\nissuer = {}\nregistry = {}\npackages = [{}]\nactions = [\"publish\"]\n\n[policy.match]\n",
            quoted(&format!("{}-release", plain(self.packages))),
            quoted(self.issuer),
            quoted(self.registry),
            names.join(", ")
        );
        text.push_str("# Ids are pinned, because names can be taken over.\n");
        for (claim, value) in &self.pins {
            line(&mut text, claim, &quoted(value));
        }
        for (claim, why, value) in &self.recommended {
            let _ = writeln!(text, "# {}.", sentence(why));
            line(&mut text, claim, &pattern(value));
        }
        for (claim, why) in &self.open {
            let _ = writeln!(text, "# {}:\n# {} = \"…\"", sentence(why), key(claim));
        }
        self.write_tests(&mut text);
        text
    }

    /// The name of a file for it, without `.toml`.
    pub fn file_stem(&self) -> String {
        plain(self.packages)
    }

    fn write_tests(&self, text: &mut String) {
        text.push_str("\n[[policy.test]]\nname = \"this job publishes\"\n");
        let given = self.recommended.iter();
        let claims: Vec<_> =
            given.map(|(claim, _, value)| format!("{} = {}", key(claim), quoted(value))).collect();
        if !claims.is_empty() {
            let _ = writeln!(text, "claims = {{ {} }}", claims.join(", "));
        }
        text.push_str("expect = \"allow\"\n");
        let recommended = self.recommended.iter().map(|(claim, _, value)| (*claim, value.as_str()));
        for (claim, value) in self.pins.iter().copied().chain(recommended) {
            let _ = write!(
                text,
                "\n[[policy.test]]\nname = {}\nclaims = {{ {} = {} }}\nexpect = \"deny\"\n",
                quoted(&format!("another {claim} does not")),
                key(claim),
                quoted(another(value))
            );
        }
    }
}

/// What the kind recommends and the identity has. A value with `*` in it cannot be written as one.
fn recommended(identity: &Identity) -> impl Iterator<Item = (&'static str, &'static str, String)> {
    identity.issuer.kind.recommended().filter_map(|(claim, why)| {
        let value = identity.claim(claim).and_then(Claim::canonical)?;
        let fits = !value.is_empty() && !value.contains('*');
        fits.then(|| (claim, why, value.into_owned()))
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

/// A value that someone else has.
fn another(value: &str) -> &'static str {
    let others = if value.starts_with("refs/") {
        ["refs/heads/another", "refs/heads/other"]
    } else {
        ["another", "other"]
    };
    if value == others[0] { others[1] } else { others[0] }
}

/// The first package's name, as an id or a file may have it.
fn plain(packages: &[Package]) -> String {
    let name = packages.first().map_or("package", Package::as_str);
    let plain: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(150)
        .collect();
    match plain.trim_matches('-') {
        "" => "package".to_owned(),
        plain => plain.to_owned(),
    }
}

fn line(text: &mut String, claim: &str, value: &str) {
    let _ = writeln!(text, "{} = {value}", key(claim));
}

fn key(name: &str) -> String {
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { name.to_owned() } else { quoted(name) }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
