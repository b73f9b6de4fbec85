//! The discovery reader: whatever a document says, keys are fetched by https, from the authority of
//! the issuer that was asked or from the host that is known to keep its keys.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trustmint::identity::Discovery;
use url::Url;

/// An issuer, and the host on which its platform keeps keys.
const ASKED: [(&str, Option<&str>); 3] = [
    ("https://ci.example", None),
    ("https://ci.example:8443/tenant/", Some("keys.example")),
    ("https://[2001:db8::1]", None),
];

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = Discovery::parse(data) {
        check(&document);
    }
    // The same bytes as a `jwks_uri`, about each issuer in turn.
    let Ok(jwks_uri) = std::str::from_utf8(data) else { return };
    for (issuer, _) in ASKED {
        let document = serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri }).to_string();
        check(&Discovery::parse(document.as_bytes()).expect("readable"));
    }
});

fn check(document: &Discovery) {
    for (issuer, keys_host) in ASKED {
        let Ok(jwks_uri) = document.keys_of(issuer, keys_host) else { continue };
        assert_eq!(document.issuer, issuer, "about someone else");
        let (found, asked) = (Url::parse(jwks_uri).expect("a URL"), Url::parse(issuer).expect("a URL"));
        assert_eq!(found.scheme(), "https", "{jwks_uri}");
        let known = keys_host.is_some() && found.host_str() == keys_host && found.port().is_none();
        assert!(known || found.origin() == asked.origin(), "{jwks_uri} is not near {issuer}");
    }
}
