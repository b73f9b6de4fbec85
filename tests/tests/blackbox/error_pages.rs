//! Errors say where to read about them, and there is something to read, at an address of our own.

use reqwest::Method;
use serde_json::json;
use trustmint::denial::Reason;
use trustmint_tests::broker::PUBLIC_URL;
use trustmint_tests::{BrokerProcess, Issuer, Setup};

/// What is at an address below `public_url`.
async fn followed(broker: &BrokerProcess, url: &serde_json::Value) -> String {
    let path = url.as_str().and_then(|url| url.strip_prefix(PUBLIC_URL)).unwrap_or_else(|| panic!("{url}"));
    let page = broker.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    page.text
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_has_an_error_page() {
    let broker = Setup::new(&Issuer::start().await).start().await;
    for reason in Reason::ALL {
        let page = broker.get(&format!("/errors/{reason}")).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/plain; charset=utf-8"));
        let help = reason.help();
        for part in [reason.as_str(), help.meaning, help.advice] {
            assert!(page.text.contains(part), "{reason}: {}", page.text);
        }
    }
    assert_eq!(
        broker.metric("trustmint_http_requests_total{route=\"/errors/{reason}\",status=\"200\"}").await,
        29
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_link_to_their_page() {
    let broker = Setup::new(&Issuer::start().await).start().await;
    let problem = broker.post_json("/_/oidc/mint-token", &json!({ "token": "x" })).await.json();
    assert!(followed(&broker, &problem["type"]).await.starts_with("malformed_token\n"), "{problem}");
    let oauth = broker.exchange("x").await.json();
    assert!(followed(&broker, &oauth["error_uri"]).await.starts_with("malformed_token\n"), "{oauth}");
    let nothing = broker.get("/nothing").await.json();
    assert!(followed(&broker, &nothing["type"]).await.starts_with("not_found\n"), "{nothing}");
    let stranger = broker.send(broker.http().post(format!("{}/revoke", broker.admin))).await.json();
    assert!(followed(&broker, &stranger["type"]).await.starts_with("unauthenticated\n"), "{stranger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_error_page_is_404() {
    let broker = Setup::new(&Issuer::start().await).start().await;
    for path in [
        "/errors",
        "/errors/",
        "/errors/x",
        "/errors/REPLAYED",
        "/errors/replayed/",
        "/errors/%ff",
        "/errors/a%2Fb",
    ] {
        let reply = broker.get(path).await;
        assert_eq!((reply.status.as_u16(), &*reply.reason()), (404, "not_found"), "{path}");
    }
    let url = format!("{}/errors/replayed", broker.public);
    let reply = broker.send(broker.http().post(&url).body("x")).await;
    assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "GET,HEAD"), "{}", reply.text);
    let reply = broker.send(broker.http().request(Method::HEAD, &url)).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, ""));
}
