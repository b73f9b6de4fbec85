//! The readers of leak reports and of reporters' keys: bounded, and nothing that is not there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use trustmint::reporters::{Curve, Leaks, PublicKeys};

const MOST: usize = 20;

fuzz_target!(|data: &[u8]| {
    if let Ok(report) = Leaks::parse(data, MOST) {
        assert!(report.leaks.len() + report.skipped <= MOST);
        for leak in &report.leaks {
            // What is not UTF-8 is replaced, by three bytes for one at most.
            assert!(!leak.token.is_empty() && leak.token.len() <= 3 * data.len());
            assert!(leak.kind.len() + leak.url.len() + leak.source.len() < 3_000);
        }
        // What one reader takes for a report, the other takes for an array of as many items.
        if let Ok(Value::Array(items)) = serde_json::from_slice(data) {
            assert_eq!(items.len(), report.leaks.len() + report.skipped);
        }
    }
    if let Ok(keys) = PublicKeys::parse(data, &Curve::ALL) {
        let listing: Value = serde_json::from_slice(data).expect("JSON");
        let entries = listing["public_keys"].as_array().expect("keys");
        for id in entries.iter().filter_map(|entry| entry["key_identifier"].as_str()) {
            for signature in [&[][..], &[0; 70], &[0x30, 6, 2, 1, 1, 2, 1, 1]] {
                assert!(!keys.verify(id, data, signature), "garbage verifies");
            }
        }
    }
});
