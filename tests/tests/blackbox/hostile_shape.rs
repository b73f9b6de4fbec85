//! RFC 8725 T5, T14, T15 and RFC 7515: whatever is not one compact JWS, in its one spelling, is
//! refused before anything in it is believed.

use josekit::jwe::{JweHeader, RSA_OAEP, serialize_compact};
use serde_json::json;
use trustmint_tests::attack::{Target, base64url, parts, with_tail_bit};

#[tokio::test(flavor = "multi_thread")]
async fn rejects_token_that_is_not_a_compact_jws() {
    let target = Target::start().await;
    let good = target.issuer.sign(&target.claims());
    let [header, payload, signature] = parts(&good);
    let unsigned = base64url(r#"{"alg":"none"}"#);
    let flat = json!({ "protected": header, "payload": payload, "signature": signature }).to_string();
    let general = json!({
        "payload": payload,
        "signatures": [{ "protected": header, "signature": signature }],
    })
    .to_string();
    let mut jwe_header = JweHeader::new();
    jwe_header.set_content_encryption("A128GCM");
    let encrypter = RSA_OAEP.encrypter_from_jwk(&target.issuer.key.jwk.to_public_key().expect("public"));
    let jwe = serialize_compact(good.as_bytes(), &jwe_header, &encrypter.expect("encrypter")).expect("JWE");
    assert_eq!(jwe.split('.').count(), 5);

    for (what, token) in [
        ("flattened JSON serialization", flat.clone()),
        ("general JSON serialization", general),
        ("a JSON and compact polyglot", format!("{flat}.{payload}.{signature}")),
        ("a JWE", jwe),
        ("five parts", format!("{good}.{payload}.{signature}")),
        ("four parts", format!("{good}.{signature}")),
        ("a trailing dot", format!("{good}.")),
        ("two parts", format!("{header}.{payload}")),
        ("one part", header.to_owned()),
        ("no signature", format!("{header}.{payload}.")),
        ("no signature under alg none", format!("{unsigned}.{payload}.")),
        ("no header", format!(".{payload}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("dots", "..".to_owned()),
        ("a detached payload", format!("{header}..{signature}")),
        ("a token of ours", "exm_pypi_00".to_owned() + &"A".repeat(38)),
        ("a token in a token", base64url(&good)),
        ("a Bearer credential", format!("Bearer {good}")),
        ("no ASCII", "ä.ö.ü".to_owned()),
        ("a NUL", format!("{good}\0")),
    ] {
        target.refuses_unchecked(what, &token, "malformed_token").await;
    }
    assert_eq!(target.issuer.jwks_fetches(), 1, "nothing of this made us fetch keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_has_exactly_one_encoding() {
    let target = Target::start().await;
    let key = &target.issuer.key;
    // Lengths that leave bits over in both parts, and base64's two special digits in both.
    let spaced = |json: String| (0..3).map(|n| format!("{json}{}", " ".repeat(n))).find(|t| t.len() % 3 == 1);
    let header =
        base64url(spaced(format!(r#"{{"alg":"RS256","kid":"{}","x":"???>>>"}}"#, key.kid)).expect("one"));
    let mut claims = target.claims();
    claims["extra"] = json!("???>>>~~~ÿÿÿ");
    let payload = base64url(spaced(claims.to_string()).expect("one"));
    let good = key.sign_text(&format!("{header}.{payload}"));
    let [_, _, signature] = parts(&good);
    let standard = |text: &str| text.replace('-', "+").replace('_', "/");
    assert!(standard(&payload) != payload && standard(&header) != header && standard(signature) != signature);
    let padded = |text: &str| format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
    assert!([header.as_str(), &payload, signature].iter().all(|text| padded(text) != **text));

    // Each of these is signed as it stands wherever the signature covers it: only the spelling is wrong.
    for (what, token) in [
        ("a padded header", key.sign_text(&format!("{}.{payload}", padded(&header)))),
        ("a padded payload", key.sign_text(&format!("{header}.{}", padded(&payload)))),
        ("a padded signature", format!("{header}.{payload}.{}", padded(signature))),
        ("the other alphabet in the header", key.sign_text(&format!("{}.{payload}", standard(&header)))),
        ("the other alphabet in the payload", key.sign_text(&format!("{header}.{}", standard(&payload)))),
        ("the other alphabet in the signature", format!("{header}.{payload}.{}", standard(signature))),
        ("spare bits in the header", key.sign_text(&format!("{}.{payload}", with_tail_bit(&header)))),
        ("spare bits in the payload", key.sign_text(&format!("{header}.{}", with_tail_bit(&payload)))),
        ("spare bits in the signature", format!("{header}.{payload}.{}", with_tail_bit(signature))),
        ("a space in front", format!(" {good}")),
        ("a space behind", format!("{good} ")),
        ("a trailing newline", format!("{good}\n")),
        ("a trailing CRLF", format!("{good}\r\n")),
        (
            "a newline in the payload",
            key.sign_text(&format!("{header}.{}\n{}", &payload[..8], &payload[8..])),
        ),
        ("a tab between the parts", key.sign_text(&format!("{header}.\t{payload}"))),
        ("a BOM", format!("\u{feff}{good}")),
        ("a soft hyphen", format!("{header}.{payload}.\u{ad}{signature}")),
    ] {
        target.refuses_unchecked(what, &token, "malformed_token").await;
    }
    target.accepts("the same token in its one spelling", &good).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn token_size_depth_and_members_are_bounded() {
    let target = Target::start().await;
    let sized = |bytes: usize| {
        let mut claims = target.claims();
        claims["padding"] = json!("x".repeat(bytes));
        target.issuer.sign(&claims)
    };
    let bare = sized(0).len();
    let most = (16_384 - bare) / 4 * 3 - 3;
    let (fits, exceeds) = (sized(most), sized(most + 8));
    assert!(fits.len() <= 16_384 && exceeds.len() > 16_384, "{} {}", fits.len(), exceeds.len());
    let nested = |open: &str, close: &str, depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let members: Vec<_> = (0..1_100).map(|n| format!("\"k{n}\":1")).collect();

    for (what, token) in [
        ("a byte too many", exceeds),
        ("four times as large as is read", sized(36_000)),
        ("arrays in arrays", target.with_raw("deep", &nested("[", "]", 9))),
        ("objects in objects", target.with_raw("deep", &nested("{\"a\":", "}", 9))),
        ("arrays as deep as a stack", target.with_raw("deep", &nested("[", "]", 3_000))),
        ("a thousand members", target.with_raw("wide", &format!("{{{}}}", members.join(",")))),
        ("a thousand elements", target.with_raw("wide", &format!("[{}1]", "1,".repeat(1_100)))),
        (
            "a deep header",
            target
                .under_raw_header(&format!(r#"{{"alg":"RS256","kid":"rsa-1","x":{}}}"#, nested("[", "]", 9))),
        ),
    ] {
        target.refuses_unchecked(what, &token, "malformed_token").await;
    }
    target.accepts("as large as is allowed", &fits).await;
    target.accepts("nested as Kubernetes does", &target.with_raw("k", r#"{"a":{"b":{"c":[1]}}}"#)).await;
}
