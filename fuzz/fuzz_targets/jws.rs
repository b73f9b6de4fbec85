//! The JWS splitter: a token that it takes apart has one spelling, and its header asks for nothing
//! special, also in the eyes of another JSON reader.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use trustmint::identity::Jws;

/// The default of `limits.id_token_bytes`.
const MAX_BYTES: usize = 16_384;

const ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
const REFUSED: [&str; 9] = ["crit", "b64", "jku", "jwk", "x5u", "x5c", "cty", "enc", "zip"];

fuzz_target!(|data: &[u8]| {
    if let Ok(token) = std::str::from_utf8(data) {
        check(token);
    }
    // The same bytes as a header, which mutations seldom reach through base64url.
    check(&format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(data)));
});

fn check(token: &str) {
    let Ok(jws) = Jws::parse(token, MAX_BYTES) else { return };
    assert!(token.len() <= MAX_BYTES, "too long");

    let signing_input = std::str::from_utf8(jws.signing_input).expect("the token is UTF-8");
    let (header, _) = signing_input.split_once('.').expect("two parts");
    let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let parts = [&header, &jws.payload, &jws.signature].map(|part| URL_SAFE_NO_PAD.encode(part));
    assert_eq!(parts.join("."), token, "a second spelling");

    let header: Value = serde_json::from_slice(&header).expect("JSON");
    assert!(header.is_object(), "no object: {header}");
    for name in REFUSED {
        assert!(header.get(name).is_none(), "{name}: {header}");
    }
    let algorithm = header["alg"].as_str().expect("alg");
    assert!(ALGORITHMS.contains(&algorithm), "{algorithm}");
    assert_eq!(format!("{:?}", jws.algorithm), algorithm);
    assert_eq!(header.get("kid").map(|kid| kid.as_str().expect("text")), jws.kid.as_deref());
    if let Some(typ) = header.get("typ") {
        let typ = typ.as_str().expect("text").to_ascii_lowercase();
        assert!(["jwt", "jose"].contains(&typ.as_str()), "{typ}");
    }
}
