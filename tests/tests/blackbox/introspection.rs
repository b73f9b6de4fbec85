//! RFC 7662: a registry learns of its own live tokens, and of nothing else, not even why not.

use serde_json::Value;
use trustmint_tests::broker::{AUDIENCE, CLIENT, sha256_hex};
use trustmint_tests::in_process::InProcess;
use trustmint_tests::keys::{self, jwks};
use trustmint_tests::{BrokerProcess, Issuer, Reply, Setup, attack};

const INACTIVE: &str = r#"{"active":false}"#;
const OTHER_CLIENT: (&str, &str) = ("private-backend", "another-long-secret");

/// A second registry, with its own client, for which the same job may publish.
fn two_registries(issuer: &Issuer) -> Setup {
    let mut setup = Setup::new(issuer);
    setup.registries =
        setup.registries.replacen("kind = \"pypi\"", "kind = \"pypi\"\nhosts = [\"pypi.example.com\"]", 1);
    setup.registries.push_str(&format!(
        "[registries.private]\nkind = \"generic\"\naudiences = [\"private.example.com\"]\ntoken_prefix = \"exm_private_\"\n\n\
         [[registries.private.clients]]\nid = \"{}\"\nsecret_sha256 = [\"{}\"]\n",
        OTHER_CLIENT.0,
        sha256_hex(OTHER_CLIENT.1)
    ));
    let policy =
        setup.policies[0].1.replace("widget-release", "private").replace("\"pypi\"\np", "\"private\"\np");
    setup.policies.push(("private.toml".to_owned(), policy));
    setup
}

async fn ask(broker: &BrokerProcess, client: (&str, &str), token: &str) -> Reply {
    let request = broker.http().post(format!("{}/oauth/introspect", broker.public));
    broker.send(request.basic_auth(client.0, Some(client.1)).form(&[("token", token)])).await
}

/// Everything a caller can see, but for the date.
fn visible(reply: &Reply) -> (u16, String, Vec<(String, String)>) {
    let headers = reply.headers.iter().filter(|(name, _)| *name != "date");
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect();
    (reply.status.as_u16(), reply.text.clone(), headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_does_not_distinguish_inactive_tokens() {
    let issuer = Issuer::start().await;
    let broker = two_registries(&issuer).start().await;
    let mint = async |audience: &str, target: &str| {
        let form = [
            ("grant_type", trustmint_tests::broker::TOKEN_EXCHANGE),
            ("subject_token_type", trustmint_tests::broker::ID_TOKEN),
            ("subject_token", &issuer.id_token(audience)),
            ("audience", target),
        ];
        broker.post_form("/oauth/token", &form).await.token()
    };
    let live = mint(AUDIENCE, "pypi").await;
    let foreign = mint("private.example.com", "private").await;
    let revoked = mint(AUDIENCE, "pypi").await;
    assert!(broker.is_active(&revoked).await);
    assert_eq!(broker.revoke(&revoked).await.status, 200);
    assert_eq!(ask(&broker, OTHER_CLIENT, &foreign).await.json()["active"], true);

    let swapped = live.replace("exm_pypi_", "exm_private_");
    let unknown = never_minted();
    let cases = [
        ("unknown", unknown.clone()),
        ("revoked", revoked.clone()),
        ("malformed", "nonsense".to_owned()),
        (
            "a bad checksum",
            format!("{}{}", &live[..live.len() - 1], if live.ends_with('0') { '1' } else { '0' }),
        ),
        ("cut off", live[..live.len() - 1].to_owned()),
        ("longer", format!("{live}0")),
        ("another registry's", foreign.clone()),
        ("under another registry's prefix", swapped),
        ("an ID token", issuer.id_token(AUDIENCE)),
        ("the client's secret", CLIENT.1.to_owned()),
        ("with a space", format!("{live} ")),
        ("very long", "exm_pypi_".to_owned() + &"A".repeat(20_000)),
        ("no ASCII", "exm_pypi_ä".to_owned()),
        ("a NUL", format!("{live}\0")),
    ];
    let expected = visible(&ask(&broker, CLIENT, "x").await);
    assert_eq!((expected.0, expected.1.as_str()), (200, INACTIVE));
    assert!(expected.2.contains(&("cache-control".to_owned(), "no-store".to_owned())));
    for (what, token) in &cases {
        assert_eq!(visible(&ask(&broker, CLIENT, token).await), expected, "{what}");
    }
    // The other registry's client sees as little of ours.
    for token in [&live, &revoked, &unknown] {
        assert_eq!(visible(&ask(&broker, OTHER_CLIENT, token).await), expected);
    }
    assert!(broker.is_active(&live).await, "nothing of this harmed it");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_token_looks_like_an_unknown_one() {
    let issuer = Issuer::start().await;
    let setup = attack::farm(&issuer, &jwks([keys::rsa()]), &["RS256"]);
    let house = InProcess::start(&setup).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("client");
    let post = async |path: &str, form: &[(&str, &str)]| {
        let request = http.post(format!("{}{path}", house.public)).basic_auth(CLIENT.0, Some(CLIENT.1));
        let response = request.form(form).send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a body"))
    };
    let form = [
        ("grant_type", trustmint_tests::broker::TOKEN_EXCHANGE),
        ("subject_token_type", trustmint_tests::broker::ID_TOKEN),
        ("subject_token", &attack::farm_token(keys::rsa())),
    ];
    let (status, text) = post("/oauth/token", &form).await;
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let token = answer["access_token"].as_str().expect("a token");
    assert_eq!(answer["expires_in"], 900);

    house.clock.advance(899);
    let (_, alive) = post("/oauth/introspect", &[("token", token)]).await;
    assert!(alive.starts_with(r#"{"active":true,"#), "{alive}");
    house.clock.advance(1);
    let dead = post("/oauth/introspect", &[("token", token)]).await;
    assert_eq!(dead, (200, INACTIVE.to_owned()), "its fifteen minutes are over to the second");
    assert_eq!(dead, post("/oauth/introspect", &[("token", &never_minted())]).await);
    // Revoking what has expired says nothing either, and does not bring it back.
    assert_eq!(post("/oauth/revoke", &[("token", token)]).await, (200, String::new()));
    assert_eq!(post("/oauth/introspect", &[("token", token)]).await, dead);
}

#[tokio::test(flavor = "multi_thread")]
async fn unauthenticated_introspection_is_401() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    let basic = |text: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let (id, secret) = CLIENT;
    let rows = [
        ("a wrong secret", vec![basic(&format!("{id}:wrong"))]),
        ("no secret", vec![basic(&format!("{id}:"))]),
        ("a cut secret", vec![basic(&format!("{id}:{}", &secret[1..]))]),
        ("a longer secret", vec![basic(&format!("{id}:{secret} "))]),
        ("the hash for the secret", vec![basic(&format!("{id}:{}", sha256_hex(secret)))]),
        ("an unknown client", vec![basic(&format!("nobody:{secret}"))]),
        ("no client", vec![basic(&format!(":{secret}"))]),
        ("the id in capitals", vec![basic(&format!("{}:{secret}", id.to_uppercase()))]),
        ("no colon", vec![basic(id)]),
        ("nothing in it", vec![basic("")]),
        ("no Basic at all", vec![]),
        ("an empty header", vec![String::new()]),
        ("only the scheme", vec!["Basic".to_owned()]),
        ("no base64", vec!["Basic !!!!".to_owned()]),
        ("no UTF-8", vec!["Basic //79".to_owned()]),
        ("no encoding", vec![format!("Basic {id}:{secret}")]),
        ("Bearer with the secret", vec![format!("Bearer {secret}")]),
        ("the token as Bearer", vec![format!("Bearer {token}")]),
        ("the token as Basic", vec![basic(&format!("{id}:{token}"))]),
        ("the token as user", vec![basic(&format!("__token__:{token}"))]),
        ("two headers", vec![basic(&format!("{id}:{secret}")), basic("x:y")]),
        ("Digest", vec![format!("Digest username=\"{id}\"")]),
    ];
    for (what, headers) in rows {
        for asked in [token.as_str(), "nonsense"] {
            let mut request = broker.http().post(format!("{}/oauth/introspect", broker.public));
            for header in &headers {
                request = request.header("authorization", header);
            }
            let reply = broker.send(request.form(&[("token", asked)])).await;
            assert_eq!(reply.status, 401, "{what}: {}", reply.text);
            assert_eq!(reply.json()["error"], "invalid_client", "{what}: {}", reply.text);
            assert_eq!(reply.header("www-authenticate"), "Basic realm=\"trustmint\"", "{what}");
            assert!(reply.json()["active"].is_null(), "{what}: {}", reply.text);
        }
    }
    // In the body they do not count either (RFC 6749 §2.3.1 leaves that out where Basic is fetched).
    let form = [("token", token.as_str()), ("client_id", id), ("client_secret", secret)];
    assert_eq!(broker.post_form("/oauth/introspect", &form).await.status, 401);
    assert_eq!(broker.get(&format!("/oauth/introspect?token={token}")).await.status, 401);
    // Encoded as the RFC has it, the right ones do.
    let encoded = basic(&format!("pypi%2Dbackend:{}", secret.replace('-', "%2D")));
    let request = broker.http().post(format!("{}/oauth/introspect", broker.public));
    let reply = broker.send(request.header("authorization", encoded).form(&[("token", &token)])).await;
    assert_eq!(reply.json()["active"], true, "{}", reply.text);
}

/// The secret is right, and the hash that is configured differs in one byte.
#[tokio::test(flavor = "multi_thread")]
async fn each_byte_of_a_secret_hash_counts() {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer);
    let hash = sha256_hex(CLIENT.1);
    for byte in 0..32 {
        let digits = 2 * byte..2 * byte + 2;
        let changed = u8::from_str_radix(&hash[digits.clone()], 16).expect("two digits") ^ 1;
        let mut other = hash.clone();
        other.replace_range(digits, &format!("{changed:02x}"));
        setup.registries.push_str(&format!(
            "[[registries.pypi.clients]]\nid = \"client-{byte}\"\nsecret_sha256 = [\"{other}\"]\n"
        ));
    }
    let broker = setup.start().await;
    let token = broker.exchange(&issuer.id_token(AUDIENCE)).await.token();
    for byte in 0..32 {
        let reply = ask(&broker, (&format!("client-{byte}"), CLIENT.1), &token).await;
        assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (401, "unauthenticated"), "byte {byte}");
    }
    assert_eq!(ask(&broker, CLIENT, &token).await.json()["active"], true);
}

/// A well-formed token of the registry that no one minted.
fn never_minted() -> String {
    let tag = trustmint::token::Tag::of(b"a run that never was");
    let token = trustmint::token::RegistryToken::generate("exm_pypi_", tag).expect("randomness");
    token.expose().to_owned()
}
