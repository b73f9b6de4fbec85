//! The key set reader: sets are bounded, hold no private or symmetric key, and verify no garbage.

#![no_main]

use std::collections::BTreeSet;

use jsonwebtoken::Algorithm;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use trustmint::identity::KeySet;

const ALGORITHMS: [Algorithm; 12] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Signatures of no key: of the lengths that some key expects, and of others.
const GARBAGE: [&[u8]; 6] = [&[], &[0; 64], &[1; 64], &[0; 96], &[0; 256], &[0xff; 256]];

fuzz_target!(|data: &[u8]| {
    let Ok(set) = KeySet::parse(data) else { return };
    let document: Value = serde_json::from_slice(data).expect("JSON");
    let entries = document["keys"].as_array().expect("keys");
    assert!((1..=100).contains(&set.len()), "{} keys", set.len());
    assert!(set.len() + set.skipped.len() <= entries.len(), "more keys than entries");

    let kids: BTreeSet<_> = entries.iter().filter_map(|entry| entry["kid"].as_str()).collect();
    for kid in kids.into_iter().filter(|kid| set.contains(Some(kid))) {
        let named = |entry: &&Value| entry["kid"] == kid;
        let public = |entry: &Value| entry.get("d").is_none() && entry.get("k").is_none();
        assert!(entries.iter().filter(named).any(public), "only secrets under {kid}");
        for algorithm in ALGORITHMS {
            for signature in GARBAGE {
                let mut checks = 0;
                assert!(
                    !set.verify(Some(kid), algorithm, data, signature, || checks += 1),
                    "{kid} verifies garbage"
                );
                assert!(checks <= 16, "{checks} checks for one signature");
            }
        }
    }
});
