//! The auth subrequest: who may ask, what is believed, which credential counts, what is answered.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use trustmint_tests::broker::{ADMIN_TOKEN, CLIENT, sha256_hex};
use trustmint_tests::forward_auth::{
    House, PUT, UPSTREAM, WIDGET, assert_gives_nothing, npm, outcome, setup,
};
use trustmint_tests::{Issuer, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn live_token_passes_with_upstream_credential() {
    let house = npm("").await;
    let token = house.token("package:widget:publish,create").await;
    let reply = house.about("PUT", "/widget", &token).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, ""));
    assert_eq!(reply.header("authorization"), UPSTREAM);
    assert_eq!(reply.header("trustmint-subject"), "github|9100048|48124571");
    assert_eq!(reply.header("trustmint-scope"), "package:widget:publish,create");
    assert_eq!(reply.header("cache-control"), "no-store");
    let series = "trustmint_http_requests_total{route=\"/forward-auth/{*target}\",status=\"200\"}";
    assert_eq!(house.broker.metric(series).await, 1);
    let series = "trustmint_introspections_total{registry=\"npm\",outcome=\"active\"}";
    assert_eq!(house.broker.metric(series).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_auth_requires_proxy_credential() {
    let issuer = Issuer::start().await;
    let mut with = setup(&issuer, "npm", &["widget"], "public_reads = true\n");
    let second = |id: &str| {
        format!(
            "\n[registries.other]\nkind = \"generic\"\naudiences = [\"other\"]\n[[registries.other.clients]]\n\
             id = \"{id}\"\nsecret_sha256 = [\"{}\"]\n",
            sha256_hex("other-secret")
        )
    };
    with.registries.push_str(&second("other-proxy"));
    let house = House { issuer, broker: with.start().await, registry: "npm".into() };
    let token = house.token("package:widget:publish").await;
    let bearer = format!("Bearer {token}");
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", CLIENT.0, CLIENT.1)));
    let right = format!("{}:{}", CLIENT.0, CLIENT.1);
    let told = [PUT, WIDGET, ("authorization", &bearer)];
    for client in [
        "",
        " ",
        ":",
        CLIENT.0,
        CLIENT.1,
        &bearer,
        &basic,
        &token,
        ADMIN_TOKEN,
        &right.replace(':', " "),
        &right.to_uppercase(),
        &format!("{right}x"),
        &right[..right.len() - 1],
        &format!("{}:", CLIENT.0),
        &format!("{}:{}", CLIENT.0, sha256_hex(CLIENT.1)),
        &format!("Basic {right}"),
        "other-proxy:other-secret",
        &format!("other-proxy:{}", CLIENT.1),
        &format!("{}:other-secret", CLIENT.0),
    ] {
        let reply = house.ask_as(client, "", &told).await;
        assert_eq!(outcome(&reply), (401, "unauthenticated".into()), "{client}");
        assert_gives_nothing(&reply, client);
        // Nor for reads, nor where the path is below the prefix, nor in other headers.
        for below in ["", "/", "/widget"] {
            let reply = house.ask_as(client, below, &[("x-original-method", "GET"), WIDGET]).await;
            assert_eq!(reply.status, 401, "{client} {below}");
        }
    }
    let twice = [PUT, WIDGET, ("authorization", &bearer), ("trustmint-client", &right)];
    assert_eq!(house.ask(&twice).await.status, 401, "two such headers");
    assert_eq!(house.ask(&told).await.status, 200, "one");
    // Another registry, or none: the proxy is no one there.
    for registry in ["other", "nowhere", "", "npm%2f", "NPM", "npm."] {
        let elsewhere = format!("{}/forward-auth/{registry}", house.broker.public);
        let request = house.broker.http().get(elsewhere).header("trustmint-client", &right);
        let reply = house.broker.send(request.header("x-original-method", "GET")).await;
        assert!([401, 404].contains(&reply.status.as_u16()), "{registry}: {}", reply.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_auth_refusal_follows_rfc_6750() {
    let house = npm("").await;
    let token = house.token("package:widget:publish").await;
    let none = house.about("PUT", "/widget", "").await;
    assert_eq!(outcome(&none), (401, "unauthenticated".into()));
    assert_eq!(none.header("www-authenticate"), "Bearer realm=\"trustmint\"");
    assert_eq!(none.header("content-type"), "application/problem+json");

    let revoked = house.token("").await;
    assert_eq!(house.about("PUT", "/widget", &revoked).await.status, 200);
    assert_eq!(house.broker.revoke(&revoked).await.status, 200);
    let foreign = House::with("npm", &["widget"], "").await.token("").await;
    for (what, bad) in [
        ("revoked", revoked.as_str()),
        ("of another broker", &foreign),
        ("cut", &token[1..]),
        ("longer", &format!("{token}x")),
        ("an ID token", &house.issuer.id_token("npm:packages.example.com")),
        ("the client's secret", CLIENT.1),
        ("the upstream's own", UPSTREAM),
    ] {
        let reply = house.about("PUT", "/widget", bad).await;
        assert_eq!(outcome(&reply), (401, "invalid_token".into()), "{what}");
        assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"trustmint\", error=\"invalid_token\"");
        assert_eq!(reply.header("trustmint-reason"), "invalid_token");
        assert_gives_nothing(&reply, what);
    }
    for unreadable in ["Basic !!!", "Basic", "Negotiate abc", "Bearer ", "Basic eA=="] {
        let reply = house.ask(&[PUT, WIDGET, ("authorization", unreadable)]).await;
        assert_eq!(outcome(&reply), (401, "invalid_token".into()), "{unreadable}");
    }
    let other = house.about("PUT", "/gadget", &token).await;
    assert_eq!(outcome(&other), (403, "not_covered".into()));
    let scope = "Bearer realm=\"trustmint\", error=\"insufficient_scope\", scope=\"package:gadget:publish\"";
    assert_eq!(other.header("www-authenticate"), scope);
    assert!(other.json()["detail"].as_str().is_some_and(|text| text.contains("gadget")), "{}", other.text);
    assert_gives_nothing(&other, "out of scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn inactive_token_does_not_pass() {
    let house = npm("").await;
    let token = house.token("package:widget:publish").await;
    assert_eq!(house.about("PUT", "/widget", &token).await.status, 200);
    // A policy that goes takes its tokens along.
    let policy = house.broker.folder.path().join("policies/policies.toml");
    let text = std::fs::read_to_string(&policy).expect("policy");
    std::fs::write(&policy, text.replace("48124571", "1")).expect("policy");
    house.broker.signal("HUP");
    house.broker.until("narrowed", async || house.about("PUT", "/widget", &token).await.status == 401).await;
    std::fs::write(&policy, text).expect("policy");
    house.broker.signal("HUP");
    house.broker.until("back", async || house.about("PUT", "/widget", &token).await.status == 200).await;
    // An operator's switch.
    assert_eq!(house.broker.admin("/revoke", &json!({ "registry": "npm" })).await.status, 204);
    assert_eq!(outcome(&house.about("PUT", "/widget", &token).await), (401, "invalid_token".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_are_limited_by_client_others_by_network() {
    let issuer = Issuer::start().await;
    let strict = "requests_per_second = 1\nrequest_burst = 4\nintrospections_per_second = 1\nintrospection_burst = 4\n";
    let broker = setup(&issuer, "npm", &["widget"], "").limits(strict).start().await;
    let house = House { issuer, broker, registry: "npm".into() };
    let (mut passed, mut refused) = ([0, 0], None);
    let begun = Instant::now();
    for _ in 0..40 {
        let reply = house.about("PUT", "/widget", "x").await;
        passed[0] += u64::from(reply.status != 429);
        refused = Some(reply).filter(|reply| reply.status == 429).or(refused);
        passed[1] += u64::from(house.ask_as("nobody:x", "", &[PUT, WIDGET]).await.status != 429);
    }
    // The burst, and one for each second that this took.
    let permitted = 4..=4 + begun.elapsed().as_secs();
    assert!(passed.iter().all(|passed| permitted.contains(passed)), "{passed:?} of {permitted:?}");
    let reply = refused.expect("a refusal");
    assert_eq!(
        (outcome(&reply), reply.header("content-type")),
        ((429, "rate_limited".into()), "application/problem+json")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_credential_is_sent_on_success_only() {
    let issuer = Issuer::start().await;
    let mut with = setup(&issuer, "npm", &["widget"], "");
    "trace".clone_into(&mut with.log_level);
    let mut house = House { issuer, broker: with.start().await, registry: "npm".into() };
    let token = house.token("package:widget:publish").await;
    let mut said = String::new();
    for (uri, token) in
        [("/widget", ""), ("/widget", "x"), ("/other", &token), ("/..", &token), ("/widget", &token)]
    {
        let reply = house.about("PUT", uri, token).await;
        assert_eq!(reply.status == 200, reply.headers.contains_key("authorization"));
        said.push_str(&reply.text);
    }
    let metrics =
        house.broker.send(house.broker.http().get(format!("{}/metrics", house.broker.ops))).await.text;
    house.broker.signal("TERM");
    assert!(house.broker.ended().await.success());
    let audit = std::fs::read_to_string(house.broker.folder.path().join("audit.jsonl")).expect("audit");
    for (place, text) in
        [("log", house.broker.log()), ("answers", said), ("metrics", metrics), ("audit", audit)]
    {
        for secret in [UPSTREAM, &UPSTREAM["Basic ".len()..], &token, CLIENT.1] {
            assert!(!text.contains(secret), "{secret} is in the {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_credential_uses_the_configured_header() {
    let issuer = Issuer::start().await;
    let mut with = setup(&issuer, "nuget", &["Widget"], "unchecked_package = true\n");
    with.registries.push_str("credential_header = \"X-NuGet-ApiKey\"\n");
    let house = House { issuer, broker: with.start().await, registry: "nuget".into() };
    let token = house.token("").await;
    let reply = house.about("PUT", "/api/v2/package", &token).await;
    assert_eq!((reply.status.as_u16(), reply.header("x-nuget-apikey")), (200, UPSTREAM));
    assert!(reply.headers.contains_key("authorization"), "it replaces the client's");
    assert_eq!(reply.header("authorization"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn header_values_are_safe_and_long_scope_is_omitted() {
    let issuer = Issuer::start().await;
    let packages: Vec<_> = (0..200).map(|n| format!("package-with-a-name-{n}")).collect();
    let names: Vec<_> = packages.iter().map(String::as_str).collect();
    let mut with = setup(&issuer, "generic", &names, "unchecked_package = true\n");
    with.issuers = with.issuers.replace("kind = \"github\"", "kind = \"oidc\"\npins = [\"sub\"]");
    let odd = "a b\"c,d;e\\f%g ä\u{7f}|h";
    with = Setup { registries: with.registries.clone(), ..with }.policies(&format!(
        "[[policy]]\nid = \"odd\"\nissuer = \"github\"\nregistry = \"generic\"\npackages = {names:?}\n\
         actions = [\"publish\"]\n[policy.match]\nsub = {}\n",
        "\"a b\\\"c,d;e\\\\f%g ä\\u007F|h\""
    ));
    let house = House { issuer, broker: with.start().await, registry: "generic".into() };
    let id_token = house.issuer.id_token_with(trustmint_tests::broker::PUBLIC_URL, &json!({ "sub": odd }));
    let token = house.broker.exchange(&id_token).await.token();
    let reply = house.about("PUT", "/a", &token).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("trustmint-subject"), "github|a%20b\"c,d;e\\f%25g%20%C3%A4%7F%7Ch");
    assert_eq!(reply.header("trustmint-scope"), "", "it would be longer than proxies take");
}
