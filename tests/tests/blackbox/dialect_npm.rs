//! The dialect of the npm registry: the requests of npm, pnpm and yarn, to the byte.

use serde_json::json;
use trustmint_tests::claims::now;
use trustmint_tests::raw::{Raw, RawReply};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

const HOST: &str = "npm.example.com";
/// npm's and pnpm's audience for it.
const AUDIENCE: &str = "npm:npm.example.com";

async fn stage(limits: &str) -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let packages = ["@acme/demo", "@acme/other", "plain", "Upper"];
    let setup = Setup::new(&issuer).registry_of_kind("npm", HOST, &packages).limits(limits);
    let broker = setup.start().await;
    (issuer, broker)
}

/// As npm sends it: no body, no type.
async fn exchange(broker: &BrokerProcess, name: &str, jwt: &str) -> RawReply {
    let request = format!(
        "POST /-/npm/v1/oidc/token/exchange/package/{name} HTTP/1.1\r\nnpm-command: publish\r\nuser-agent: npm/11.19.1\r\n\
         authorization: Bearer {jwt}\r\naccept: */*\r\ncontent-length: 0\r\nhost: {HOST}\r\nconnection: keep-alive\r\n\r\n"
    );
    Raw::once(&broker.public, request).await
}

async fn scope_of(broker: &BrokerProcess, reply: &RawReply) -> String {
    assert_eq!(reply.status, 201, "{}", reply.body);
    let token = reply.json()["token"].as_str().expect("token").to_owned();
    broker.introspect(&token).await.json()["scope"].as_str().expect("scope").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_gets_a_token_for_the_named_package() {
    let (issuer, broker) = stage("").await;
    let before = now();
    let reply = exchange(&broker, "@acme%2fdemo", &issuer.id_token(AUDIENCE)).await;
    assert_eq!(scope_of(&broker, &reply).await, "package:%40acme%2Fdemo:publish,create");
    let body = reply.json();
    assert_eq!(body["token_type"], "oidc");
    let token = body["token"].as_str().expect("token");
    let ends = broker.introspect(token).await.json()["exp"].as_u64().expect("exp");
    assert!((before + 900..=now() + 900).contains(&ends));
    for field in ["created", "expires"] {
        let text = body[field].as_str().expect("an instant");
        assert_eq!((text.len(), &text[10..11], &text[23..]), (24, "T", "Z"), "{text}");
    }
    assert!(body["expires"].as_str() > body["created"].as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_name_is_read_in_each_encoding() {
    let (issuer, broker) = stage("").await;
    for name in ["@acme%2fdemo", "@acme%2Fdemo", "%40acme%2Fdemo", "%40acme%2fdemo", "@acme/demo"] {
        let reply = exchange(&broker, name, &issuer.id_token(AUDIENCE)).await;
        assert_eq!(scope_of(&broker, &reply).await, "package:%40acme%2Fdemo:publish,create", "{name}");
    }
    let upper = exchange(&broker, "Upper", &issuer.id_token(AUDIENCE)).await;
    assert_eq!(scope_of(&broker, &upper).await, "package:Upper:publish,create");
    for other in ["upper", "plainer", "@Acme%2fdemo", "@acme%2fdem"] {
        let reply = exchange(&broker, other, &issuer.id_token(AUDIENCE)).await;
        assert_eq!((reply.status, &reply.json()["reason"]), (404, &json!("not_covered")), "{other}");
    }
    for no_name in ["@acme%252fdemo", "@acme", "@acme%2fdemo%2fx", "..%2fplain", "a%00b", "%ff", "*"] {
        let reply = exchange(&broker, no_name, &issuer.id_token(AUDIENCE)).await;
        assert_eq!((reply.status, &reply.json()["reason"]), (400, &json!("malformed_request")), "{no_name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_id_token_serves_each_package_once_up_to_limit() {
    let (issuer, broker) = stage("packages_per_id_token = 2\n").await;
    let jwt = issuer.id_token(AUDIENCE);
    assert_eq!(exchange(&broker, "@acme%2fdemo", &jwt).await.status, 201);
    for again in ["@acme%2fdemo", "@acme%2Fdemo", "@acme/demo"] {
        let reply = exchange(&broker, again, &jwt).await;
        assert_eq!((reply.status, &reply.json()["reason"]), (401, &json!("replayed")), "{}", reply.body);
    }
    assert_eq!(exchange(&broker, "plain", &jwt).await.status, 201);
    let third = exchange(&broker, "@acme%2fother", &jwt).await;
    assert_eq!((third.status, &third.json()["reason"]), (401, &json!("replayed")), "the limit is two");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_npm_route_serves_several_packages() {
    let (issuer, broker) = stage("").await;
    let first_native = issuer.id_token(AUDIENCE);
    assert_eq!(broker.exchange(&first_native).await.status, 200);
    assert_eq!(exchange(&broker, "plain", &first_native).await.json()["reason"], "replayed");
    let first_npm = issuer.id_token(AUDIENCE);
    assert_eq!(exchange(&broker, "plain", &first_npm).await.status, 201);
    assert_eq!(broker.exchange(&first_npm).await.reason(), "replayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_refusal_is_401_or_404_with_message() {
    let (issuer, broker) = stage("").await;
    let on_a_branch = json!({ "ref": "refs/heads/main" });
    for (jwt, status, reason) in [
        (issuer.id_token("npm:registry.npmjs.org"), 401, "wrong_audience"),
        (
            issuer.id_token_with(AUDIENCE, &json!({ "iss": "https://elsewhere.example" })),
            401,
            "unknown_issuer",
        ),
        (issuer.id_token_with(AUDIENCE, &json!({ "repository_id": "1" })), 404, "no_matching_policy"),
        (issuer.id_token_with(AUDIENCE, &on_a_branch), 404, "claim_mismatch"),
        ("x".to_owned(), 401, "malformed_token"),
        (String::new(), 401, "unauthenticated"),
    ] {
        let reply = exchange(&broker, "plain", &jwt).await;
        assert_eq!((reply.status, &reply.json()["reason"]), (status, &json!(reason)), "{}", reply.body);
        assert!(reply.json()["message"].as_str().is_some_and(|message| !message.is_empty()));
        if status == 401 {
            assert_eq!(reply.header("www-authenticate"), "bearer realm=\"trustmint\"");
        }
    }
}

/// What pnpm 12.21.0 and yarn 4.18.1 sent, but for host and ID token. Neither sends a type; pnpm does
/// not say who it is.
const OTHER_CLIENTS: [(&str, &str); 2] = [
    (
        "pnpm",
        "content-length: 0\r\naccept: application/json\r\nauthorization: Bearer {jwt}\r\naccept-encoding: zstd,gzip,deflate\r\nhost: npm.example.com\r\n",
    ),
    (
        "yarn",
        "user-agent: got (https://github.com/sindresorhus/got)\r\nauthorization: Bearer {jwt}\r\naccept: application/json\r\naccept-encoding: gzip, deflate, br\r\nHost: npm.example.com\r\nConnection: keep-alive\r\nContent-Length: 0\r\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn pnpm_and_yarn_get_tokens_like_npm() {
    let (issuer, broker) = stage("").await;
    for (client, headers) in OTHER_CLIENTS {
        let headers = headers.replace("{jwt}", &issuer.id_token(AUDIENCE));
        let path = "/-/npm/v1/oidc/token/exchange/package/@acme%2fdemo";
        let reply = Raw::once(&broker.public, format!("POST {path} HTTP/1.1\r\n{headers}\r\n")).await;
        assert_eq!(scope_of(&broker, &reply).await, "package:%40acme%2Fdemo:publish,create", "{client}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn yarn_audience_includes_the_port() {
    let issuer = Issuer::start().await;
    let setup = Setup::new(&issuer).registry_of_kind("npm", "npm.example.com:8443", &["plain"]);
    let broker = setup.start().await;
    for audience in [AUDIENCE, "npm:npm.example.com:8443"] {
        let request = format!(
            "POST /-/npm/v1/oidc/token/exchange/package/plain HTTP/1.1\r\nhost: npm.example.com:8443\r\n\
             authorization: Bearer {}\r\ncontent-length: 0\r\n\r\n",
            issuer.id_token(audience)
        );
        let reply = Raw::once(&broker.public, request).await;
        assert_eq!(reply.status, 201, "{audience}: {}", reply.body);
    }
}
