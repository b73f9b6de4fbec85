//! Paths in the one form that proxies, frameworks and file systems all read alike.

use crate::registry::{Package, RegistryKind};

/// What stands in a path as it is, beside letters and digits.
const UNRESERVED: &[u8] = b"-._~";
/// What stands in a path as it is or encoded: clients differ.
const EITHER: &[u8] = b"@+!:";

/// The decoded segments of a path; an empty last one says that it ends with `/`. `None`: not in
/// canonical form, so that someone behind us may read another path.
///
/// There are no empty segments, no `.` and `..`, nothing encoded that need not be, and no encoded `/`
/// but the one between an npm scope and its name.
pub(super) fn segments(kind: RegistryKind, path: &str) -> Option<Vec<String>> {
    let raw: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    let (_, inner) = raw.split_last()?;
    if inner.contains(&"") {
        return None;
    }
    raw.into_iter().map(|segment| decoded(kind, segment)).collect()
}

fn decoded(kind: RegistryKind, raw: &str) -> Option<String> {
    let mut segment = String::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let plain = byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) || EITHER.contains(&byte);
        let letter = match byte {
            b'%' => encoded(bytes.next()?, bytes.next()?)?,
            _ if plain => byte,
            _ => return None,
        };
        segment.push(char::from(letter));
    }
    let scoped = segment.contains('/');
    if segment == "." || segment == ".." || scoped && !is_scoped_name(kind, &segment) {
        return None;
    }
    Some(segment)
}

fn encoded(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let letter = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    (EITHER.contains(&letter) || letter == b'/').then_some(letter)
}

fn is_scoped_name(kind: RegistryKind, segment: &str) -> bool {
    kind.spec().has_scoped_names && Package::parse(kind, segment).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_path_spellings_are_read() {
        for (path, expected) in [
            ("/", &[""][..]),
            ("/a", &["a"]),
            ("/a/", &["a", ""]),
            ("/simple/my-pkg/", &["simple", "my-pkg", ""]),
            ("/@acme%2fdemo", &["@acme/demo"]),
            ("/@acme%2Fdemo", &["@acme/demo"]),
            ("/%40acme%2Fdemo", &["@acme/demo"]),
            ("/@acme/demo", &["@acme", "demo"]),
            ("/a/1.0.0+build", &["a", "1.0.0+build"]),
            ("/a/1.0.0%2Bbuild", &["a", "1.0.0+build"]),
        ] {
            let read = segments(RegistryKind::Npm, path).unwrap_or_default();
            assert_eq!(read, expected, "{path}");
        }
    }

    #[test]
    fn rejects_ambiguous_paths() {
        for path in [
            "",
            "a",
            "*",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/../b",
            "/a/..",
            "/./a",
            "/%2e%2e/a",
            "/a/%2e/b",
            "/.%2e/a",
            "/a\\b",
            "/a%5cb",
            "/a%5Cb",
            "/%2fa",
            "/a%2fb",
            "/@a%2f",
            "/@a%2f..",
            "/@a%2fb%2fc",
            "/@%2fb",
            "/a%252fb",
            "/%2561",
            "/%61",
            "/a%00",
            "/a%0a",
            "/a%7f",
            "/a b",
            "/a%20b",
            "/a;b",
            "/a%3bb",
            "/..;/a",
            "/a%3fb",
            "/a%23b",
            "/a#b",
            "/a?b",
            "/%",
            "/%2",
            "/%zz",
            "/%+2f",
            "/%c0%af",
            "/%c0%ae%c0%ae/a",
            "/%e0%80%af",
            "/%ff",
            "/%c3%a4",
            "/ä",
            "/a\tb",
            "/a*",
            "/a|b",
            "/a^",
            "/http://x/",
            "/%u002f",
        ] {
            assert_eq!(segments(RegistryKind::Npm, path), None, "{path}");
        }
        assert_eq!(segments(RegistryKind::Nuget, "/@acme%2fdemo"), None, "only npm has scopes");
    }
}
