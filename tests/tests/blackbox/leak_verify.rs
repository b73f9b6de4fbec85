//! TruffleHog's question: is what I found alive?

use serde_json::{Value, json};
use trustmint_tests::broker::{AUDIENCE, CLIENT};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

async fn ask(broker: &BrokerProcess, client: Option<(&str, &str)>, body: &Value) -> u16 {
    let request = broker.http().post(format!("{}/leaks/verify", broker.public)).json(body);
    let request = match client {
        Some((id, secret)) => request.basic_auth(id, Some(secret)),
        None => request,
    };
    broker.send(request).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn leak_verify_answers_authenticated_scanners_only() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    // As TruffleHog sends it, and as its example reads it.
    let listed = |token: &str| json!({ "TrustmintPypi": { "token": [token, token] } });
    let bare = |token: &str| json!({ "TrustmintPypi": { "token": token } });
    for form in [&listed as &dyn Fn(&str) -> Value, &bare] {
        assert_eq!(ask(&broker, Some(CLIENT), &form(&token)).await, 200);
        assert_eq!(ask(&broker, Some(CLIENT), &form("exm_pypi_x")).await, 403);
        for stranger in [None, Some((CLIENT.0, "wrong")), Some(("nobody", CLIENT.1))] {
            assert_eq!(ask(&broker, stranger, &form(&token)).await, 401);
        }
    }
    assert_eq!(ask(&broker, Some(CLIENT), &json!({})).await, 403);
    for body in [json!([]), json!({ "a": "b" }), json!({ "a": { "b": 7 } })] {
        assert_eq!(ask(&broker, Some(CLIENT), &body).await, 400, "{body}");
    }
    assert_eq!(broker.revoke(&token).await.status, 200);
    assert_eq!(ask(&broker, Some(CLIENT), &listed(&token)).await, 403);
    let get =
        broker.http().get(format!("{}/leaks/verify", broker.public)).basic_auth(CLIENT.0, Some(CLIENT.1));
    assert_eq!(broker.send(get).await.status, 405);
}
