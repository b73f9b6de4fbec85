//! What a stock `jsonwebtoken::Validation` lets through, and RFC 8725 T8, T9, T13: every row is
//! signed by the issuer's own key, and refused before that signature is looked at.

use serde_json::{Value, json};
use trustmint_tests::attack::Target;
use trustmint_tests::broker::{AUDIENCE, PUBLIC_URL};
use trustmint_tests::now;

/// Signs each value as this claim; `-` leaves it out.
async fn refuse_each(name: &str, rows: &[(&str, &str)]) {
    let target = Target::start().await;
    for (value, reason) in rows {
        let token = match *value {
            "-" => target.issuer.id_token_with(AUDIENCE, &json!({ name: Value::Null })),
            value => target.with_raw(name, value),
        };
        target.refuses_unchecked(&format!("{name}: {value}"), &token, reason).await;
    }
    assert_eq!(target.issuer.jwks_fetches(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn iss_is_one_string() {
    refuse_each(
        "iss",
        &[
            ("-", "missing_claim"),
            ("null", "missing_claim"),
            ("\"\"", "missing_claim"),
            ("5", "invalid_claim"),
            ("true", "invalid_claim"),
            ("{}", "invalid_claim"),
            ("[]", "invalid_claim"),
            ("[\"https://evil.example\"]", "invalid_claim"),
        ],
    )
    .await;
    // An array that does name the issuer is still no string.
    let target = Target::start().await;
    let (url, evil) = (&target.issuer.url, "https://evil.example");
    for iss in [json!([url]), json!([evil, url]), json!([url, evil]), json!({ "iss": url })] {
        let token = target.issuer.id_token_with(AUDIENCE, &json!({ "iss": iss }));
        target.refuses_unchecked(&iss.to_string(), &token, "invalid_claim").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_is_ours_and_single() {
    refuse_each(
        "aud",
        &[
            ("-", "missing_claim"),
            ("null", "missing_claim"),
            ("5", "invalid_claim"),
            ("true", "invalid_claim"),
            ("{}", "invalid_claim"),
            (r#"{"0":"pypi.example.com"}"#, "invalid_claim"),
            ("\"\"", "wrong_audience"),
            ("\"other.example.com\"", "wrong_audience"),
            ("\"PYPI.example.com\"", "wrong_audience"),
            ("\" pypi.example.com\"", "wrong_audience"),
            ("\"pypi.example.com/\"", "wrong_audience"),
            ("\"https://pypi.example.com\"", "wrong_audience"),
            ("\"pypi.example.com,other\"", "wrong_audience"),
            ("\"https://publish.example.com/\"", "wrong_audience"),
            ("\"pypi\"", "wrong_audience"),
            ("[]", "wrong_audience"),
            ("[\"other\"]", "wrong_audience"),
            (r#"["other","pypi.example.com"]"#, "wrong_audience"),
            (r#"["pypi.example.com","other"]"#, "wrong_audience"),
            (r#"["pypi.example.com","pypi.example.com"]"#, "wrong_audience"),
            (r#"["pypi.example.com","https://publish.example.com"]"#, "wrong_audience"),
            (r#"["pypi.example.com",null]"#, "wrong_audience"),
            (r#"[["pypi.example.com"]]"#, "wrong_audience"),
            ("[5]", "wrong_audience"),
            ("[null]", "wrong_audience"),
        ],
    )
    .await;
    let target = Target::start().await;
    for aud in [json!(AUDIENCE), json!([AUDIENCE]), json!(PUBLIC_URL), json!([PUBLIC_URL])] {
        let token = target.issuer.id_token_with(AUDIENCE, &json!({ "aud": aud }));
        target.accepts(&aud.to_string(), &token).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exp_is_a_whole_number_in_the_future() {
    let (past, future) = (now() - 31, now() + 300);
    refuse_each(
        "exp",
        &[
            ("-", "missing_claim"),
            ("null", "missing_claim"),
            (&format!("\"{future}\""), "invalid_claim"),
            (&format!("{future}.0"), "invalid_claim"),
            (&format!("{future}.5"), "invalid_claim"),
            ("9e9", "invalid_claim"),
            (&format!("[{future}]"), "invalid_claim"),
            ("{}", "invalid_claim"),
            ("true", "invalid_claim"),
            ("-1", "invalid_claim"),
            ("-9223372036854775808", "invalid_claim"),
            ("253402300800", "invalid_claim"),
            ("9223372036854775807", "invalid_claim"),
            ("18446744073709551615", "invalid_claim"),
            ("99999999999999999999999", "invalid_claim"),
            ("1e308", "invalid_claim"),
            ("1e400", "malformed_token"),
            ("NaN", "malformed_token"),
            ("Infinity", "malformed_token"),
            ("0", "invalid_claim"),
            (&past.to_string(), "invalid_claim"),
        ],
    )
    .await;
    // The last two are over before they began; this one is plainly over.
    let target = Target::start().await;
    let token = target.issuer.id_token_with(AUDIENCE, &json!({ "exp": past, "iat": past - 300 }));
    target.refuses_unchecked("past the leeway", &token, "expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_accepted_between_nbf_and_max_age() {
    let now = now();
    refuse_each(
        "nbf",
        &[
            ("\"0\"", "invalid_claim"),
            ("0.5", "invalid_claim"),
            ("-1", "invalid_claim"),
            ("[0]", "invalid_claim"),
            ("1e400", "malformed_token"),
            (&(now + 120).to_string(), "not_yet_valid"),
            ("4102444800", "not_yet_valid"),
        ],
    )
    .await;
    refuse_each(
        "iat",
        &[
            ("-", "missing_claim"),
            ("null", "missing_claim"),
            (&format!("\"{now}\""), "invalid_claim"),
            (&format!("{now}.0"), "invalid_claim"),
            ("-1", "invalid_claim"),
            ("{}", "invalid_claim"),
            // GitHub's `max_age` is ten minutes, and the leeway thirty seconds.
            (&(now - 631).to_string(), "too_old"),
            ("0", "too_old"),
        ],
    )
    .await;
    let target = Target::start().await;
    for ahead in [60, 86_400, 2_000_000_000] {
        let changes = json!({ "iat": now + ahead, "exp": now + ahead + 300 });
        let token = target.issuer.id_token_with(AUDIENCE, &changes);
        target.refuses_unchecked("issued in the future", &token, "not_yet_valid").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sub_is_a_non_empty_string() {
    refuse_each(
        "sub",
        &[
            ("-", "missing_claim"),
            ("null", "missing_claim"),
            ("\"\"", "missing_claim"),
            ("5", "invalid_claim"),
            ("true", "invalid_claim"),
            ("[\"repo:acme/widget\"]", "invalid_claim"),
            ("{}", "invalid_claim"),
        ],
    )
    .await;
    refuse_each("jti", &[("5", "invalid_claim"), ("[]", "invalid_claim"), ("{}", "invalid_claim")]).await;
}
