//! No path passes that someone behind the proxy could read as another one.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use trustmint_tests::forward_auth::House;

/// Pieces of paths that are read in two ways, and some that are not.
const PIECES: [&str; 40] = [
    "/",
    "/",
    "/",
    "a",
    "b",
    "@",
    "@a/b",
    "@a%2fb",
    "%40",
    ".",
    "..",
    "%2e",
    "%2E",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    "//",
    "%25",
    "%252f",
    "%00",
    "%0a",
    "%20",
    "%61",
    ";",
    "?",
    "#",
    "%3f",
    "%23",
    "%c0%af",
    "%e0%80%af",
    "%ff",
    "%c3%a4",
    "%",
    "%2",
    "*",
    "+",
    "%2b",
    "!",
    "http://",
];

/// Percent-decoded once, as a server does that knows no better.
fn decoded(path: &str) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::new(), path.as_bytes());
    while let [first, after @ ..] = rest {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if *first == b'%' => {
                decoded.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

/// Whether every reader ends up at the same path.
fn is_unambiguous(kind: &str, path: &str) -> bool {
    let once = decoded(path);
    let Ok(once) = String::from_utf8(once) else { return false };
    let segments = path[1..].split('/').count();
    // One that resolves dots and merges slashes finds nothing to do, before or after decoding.
    let tame = |path: &str| {
        let parts: Vec<_> = path[1..].split('/').collect();
        path.starts_with('/')
            && parts[..parts.len() - 1].iter().all(|part| !part.is_empty())
            && parts.iter().all(|part| *part != "." && *part != "..")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\;?#%*".contains(&byte))
    };
    let scopes = once[1..].split('/').count() - segments;
    decoded(&once) == once.as_bytes() && tame(&once) && (scopes == 0 || kind == "npm" && path.contains('@'))
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_paths_that_decode_differently() {
    for kind in ["generic", "npm"] {
        let house = House::with(kind, &["a"], "public_reads = true\nunchecked_package = true\n").await;
        let runtime = tokio::runtime::Handle::current();
        let mut runner =
            TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() });
        let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 1..9);
        let passed = std::cell::Cell::new(0);
        let result = tokio::task::block_in_place(|| {
            runner.run(&pieces, |pieces| {
                let uri = format!("/{}", pieces.concat());
                let reply = runtime.block_on(house.about("GET", &uri, ""));
                let path = uri.split('?').next().expect("a path");
                if reply.status == 200 {
                    passed.set(passed.get() + 1);
                    prop_assert!(is_unambiguous(kind, path), "{} passed", uri);
                } else {
                    prop_assert_eq!(reply.status.as_u16(), 403, "{}", uri);
                }
                Ok(())
            })
        });
        result.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert!(passed.get() >= 20, "only {} of the {kind} paths passed", passed.get());
    }
}
