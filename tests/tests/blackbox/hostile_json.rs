//! RFC 8725 T6: header and claims have one meaning or none. Anyone who reads the last of two members,
//! or repairs broken text, reads another token than the one that was meant.

use trustmint_tests::attack::Target;

#[tokio::test(flavor = "multi_thread")]
async fn rejects_duplicate_names_at_any_depth() {
    let target = Target::start().await;
    let claims = target.claims();
    let kid = &target.issuer.key.kid;
    for (what, text) in [
        ("a claim", r#","repository_id":"1""#),
        ("the same value", r#","repository_id":"48124571""#),
        ("the issuer", r#","iss":"https://evil.example""#),
        ("the audience", r#","aud":"pypi.example.com""#),
        ("the expiry", r#","exp":99999999999"#),
        ("an escaped letter", r#","\u0072epository_id":"1""#),
        ("every letter escaped", r#","\u0061\u0075\u0064":"x""#),
        ("an escaped slash", r#","a/b":1,"a\/b":2"#),
        ("a surrogate pair beside its letter", ",\"\u{1F600}\":1,\"\\ud83d\\ude00\":2"),
        ("the empty name", r#","":1,"":2"#),
        ("in an object", r#","x":{"a":1,"a":2}"#),
        ("escaped in an object", r#","x":{"a":1,"\u0061":2}"#),
        ("in an object in an array", r#","x":[{"a":1,"a":2}]"#),
        ("far down", r#","x":{"y":{"z":[[{"a":1,"b":2,"a":3}]]}}"#),
        ("null beside a value", r#","repository_id":null"#),
    ] {
        target.refuses_unchecked(what, &target.with_text(&claims, text), "malformed_token").await;
    }
    for (what, header) in [
        ("alg", format!(r#"{{"alg":"RS256","alg":"RS256","kid":"{kid}"}}"#)),
        ("alg none first", format!(r#"{{"alg":"none","kid":"{kid}","alg":"RS256"}}"#)),
        ("an escaped alg", format!(r#"{{"alg":"RS256","\u0061lg":"none","kid":"{kid}"}}"#)),
        ("kid", format!(r#"{{"alg":"RS256","kid":"{kid}","kid":"other"}}"#)),
        ("typ", format!(r#"{{"alg":"RS256","kid":"{kid}","typ":"JWT","typ":"at+jwt"}}"#)),
        ("deep in the header", format!(r#"{{"alg":"RS256","kid":"{kid}","x":{{"a":1,"a":1}}}}"#)),
    ] {
        target.refuses_unchecked(what, &target.under_raw_header(&header), "malformed_token").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_text_that_is_not_strict_json() {
    let target = Target::start().await;
    let claims = target.claims();
    for (what, text) in [
        ("a lone high surrogate", r#","x":"\ud800""#),
        ("a lone low surrogate", r#","x":"\udc00""#),
        ("a reversed pair", r#","x":"\udc00\ud800""#),
        ("a surrogate in a name", r#","\ud800":1"#),
        ("a raw control character", ",\"x\":\"\u{1}\""),
        ("a raw newline", ",\"x\":\"\n\""),
        ("an unknown escape", r#","x":"\x41""#),
        ("a comment", r#"/* */"#),
        ("a trailing comma", ","),
        ("single quotes", ",'x':1"),
        ("a bare name", ",x:1"),
        ("a leading zero", r#","x":01"#),
        ("a plus", r#","x":+1"#),
        ("hexadecimal", r#","x":0x10"#),
        ("NaN", r#","x":NaN"#),
        ("Infinity", r#","x":Infinity"#),
        ("beyond any float", r#","x":1e400"#),
        ("undefined", r#","x":undefined"#),
    ] {
        target.refuses_unchecked(what, &target.with_text(&claims, text), "malformed_token").await;
    }
    let json = claims.to_string();
    let spliced = |bytes: &[u8]| {
        let mut payload = json.trim_end_matches('}').as_bytes().to_vec();
        payload.extend_from_slice(b",\"x\":\"");
        payload.extend_from_slice(bytes);
        payload.extend_from_slice(b"\"}");
        payload
    };
    for (what, payload) in [
        ("a stray byte", spliced(b"\xff")),
        ("an overlong slash", spliced(b"\xc0\xaf")),
        ("a surrogate in UTF-8", spliced(b"\xed\xa0\x80")),
        ("beyond Unicode", spliced(b"\xf4\x90\x80\x80")),
        ("half a character", spliced(b"\xc3")),
        ("a BOM", [b"\xef\xbb\xbf", json.as_bytes()].concat()),
        ("UTF-16", json.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("two objects", [json.as_bytes(), b"{}"].concat()),
        ("something behind", [json.as_bytes(), b"x"].concat()),
        ("a NUL behind", [json.as_bytes(), b"\0"].concat()),
        ("an array", format!("[{json}]").into_bytes()),
        ("a string", b"\"x\"".to_vec()),
        ("null", b"null".to_vec()),
        ("half an object", json.as_bytes()[..json.len() - 1].to_vec()),
    ] {
        target.refuses_unchecked(what, &target.signed(&payload), "malformed_token").await;
    }
    let header = target.issuer.key.header().to_string();
    for (what, header) in [
        ("a BOM", format!("\u{feff}{header}")),
        ("two headers", format!("{header}{header}")),
        ("an array", format!("[{header}]")),
        ("a lone surrogate", header.replace("\"JWT\"", "\"JWT\",\"x\":\"\\ud800\"")),
    ] {
        target.refuses_unchecked(what, &target.under_raw_header(&header), "malformed_token").await;
    }
    target.accepts("white space that JSON allows", &target.signed(format!(" {json}\r\n").as_bytes())).await;
}
