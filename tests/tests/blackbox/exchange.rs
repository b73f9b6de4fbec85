//! The main job: an ID token becomes a registry token, which a registry can ask about.

use serde_json::json;
use trustmint_tests::broker::{AUDIENCE, PUBLIC_URL};
use trustmint_tests::{Issuer, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn id_token_is_exchanged_for_a_scoped_token() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;

    let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("cache-control"), "no-store");
    let answer = reply.json();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(answer["scope"], "package:widget:publish,create package:widget-extras:publish,create");
    let expires_in = answer["expires_in"].as_u64().expect("a number");
    assert!((899..=900).contains(&expires_in), "{expires_in}");

    let token = reply.token();
    assert!(token.starts_with("exm_pypi_") && token.len() == "exm_pypi_".len() + 40, "{}", token.len());
    let seen = broker.introspect(&token).await.json();
    assert_eq!(seen["active"], true);
    assert_eq!(seen["scope"], answer["scope"]);
    assert_eq!(seen["iss"], PUBLIC_URL);
    assert_eq!(seen["aud"], "pypi");
    assert_eq!(seen["sub"], "github|9100048|48124571");
    assert_eq!(seen["token_type"], "Bearer");
    assert_eq!(seen["publisher"]["issuer"], "github");
    assert_eq!(seen["publisher"]["repository"], "acme/widget");
    assert_eq!(seen["publisher"]["workflow"], "Release");
    assert_eq!(
        seen["authorization_details"],
        json!([
            { "type": "package", "identifier": "widget", "actions": ["publish", "create"] },
            { "type": "package", "identifier": "widget-extras", "actions": ["publish", "create"] },
        ])
    );

    let revoked = broker.revoke(&token).await;
    assert_eq!((revoked.status.as_u16(), revoked.text.as_str()), (200, ""));
    let gone = broker.introspect(&token).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (200, r#"{"active":false}"#));
}
