//! Google: the account's number decides, its address never does.

use serde_json::json;
use trustmint_tests::KindCase;

pub(super) fn case() -> KindCase {
    KindCase {
        kind: "google",
        url: "https://accounts.google.com",
        jti: false,
        claims: json!({
            "azp": "113774264463038321964",
            "email": "publisher@acme-release.iam.gserviceaccount.com",
            "email_verified": true,
            "sub": "113774264463038321964",
        }),
        pins: vec![("sub", json!({ "sub": null }))],
        policy: vec![
            ("sub", "\"113774264463038321964\""),
            ("email", "\"publisher@acme-release.iam.gserviceaccount.com\""),
        ],
        names: vec![("email", "\"publisher@acme-release.iam.gserviceaccount.com\"")],
        strangers: &[
            "accounts.google.com",
            "https://www.googleapis.com",
            "https://securetoken.google.com/acme-release",
        ],
        ..KindCase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_on_google_are_refused() {
    let target = case().start().await;
    target.refuses_the_usual().await;
    // The address was deleted and made again: another account.
    let recycled = ["113774264463038321965", "0113774264463038321964", "113774264463038321964 "];
    target.refuses_each("no_matching_policy", recycled.map(|sub| json!({ "sub": sub }))).await;
    target.refuses(&json!({ "email": "publisher@evil.iam.gserviceaccount.com" }), "claim_mismatch").await;
    // An OAuth client's ID: its user chose neither us nor the audience.
    target.refuses(&json!({ "aud": "32555940559.apps.googleusercontent.com" }), "wrong_audience").await;
}

#[test]
fn loose_files_about_google_are_refused() {
    case().refuses_loose_files();
}
