//! When a policy counts and how far it goes: `mode`, `enabled`, `expires`, limits.

use serde_json::{Value, json};
use trustmint::clock::Clock as _;
use trustmint::denial::Reason;
use trustmint::policy::load_documents;
use trustmint::toml_reader::Source;
use trustmint_tests::broker::{AUDIENCE, ID_TOKEN, POLICY, TOKEN_EXCHANGE};
use trustmint_tests::deciding::{House, NOW};
use trustmint_tests::in_process::InProcess;
use trustmint_tests::redis_server::RedisServer;
use trustmint_tests::{Issuer, Setup};

fn policy(id: &str, packages: &str, keys: &str, tables: &str) -> String {
    format!(
        "[[policy]]\nid = \"{id}\"\nissuer = \"github\"\nregistry = \"pypi\"\npackages = [{packages}]\n\
         actions = [\"publish\"]\n{keys}\nmatch = {{ repository_owner_id = \"9100048\", repository_id = \"48124571\" }}\n\
         {tables}\n"
    )
}

fn claims() -> Value {
    trustmint_tests::github("https://token.actions.githubusercontent.com", "x")
}

#[test]
fn audit_mode_grants_nothing_and_reports() {
    let house = House::default();
    let audit = policy("tried", "\"gadget\"", "mode = \"audit\"", "");
    let enforced = policy("enforced", "\"widget\"", "mode = \"enforce\"", "");
    let other = enforced.replace("48124571", "1");
    let decide = |text: &str, wanted| {
        let (decided, rehearsal) = house.decide_at(NOW, &house.policies(text), &claims(), wanted);
        let decided = decided.map(|grant| grant.scope.to_string()).map_err(|denial| denial.to_string());
        let rehearsed = rehearsal.map(|rehearsal| {
            (rehearsal.policies.join(","), rehearsal.outcome.map(|scope| scope.to_string()))
        });
        (decided, rehearsed)
    };
    let would = |scope: &str| Some(("tried".to_owned(), Ok(scope.to_owned())));

    // Alone, it is denied as if it were not there.
    let (gadget, both) = ("package:gadget:publish", "package:gadget:publish package:widget:publish");
    assert_eq!(decide(&audit, None), (decide(&other, None).0, would(gadget)));
    assert_eq!(decide(&other, None).1, None);
    // Beside another, it adds nothing but the note.
    assert_eq!(decide(&format!("{audit}{enforced}"), None), (decide(&enforced, None).0, would(both)));
    let wanted = Some(gadget);
    assert_eq!(decide(&format!("{audit}{enforced}"), wanted), (decide(&enforced, wanted).0, would(gadget)));
    let widget = Some("package:widget:publish");
    assert_eq!(decide(&format!("{audit}{enforced}"), widget), (decide(&enforced, widget).0, None));
    // What would not match would not grant.
    assert_eq!(decide(&format!("{audit}[[policy.deny]]\nactor = \"octocat\"\n"), None).1, None);
    // And what would refuse says so.
    let strict =
        policy("tried", "\"widget\", \"b\"", "mode = \"audit\"", "limits = { packages_per_token = 1 }");
    let refused = Some(("tried".to_owned(), Err(Reason::NotCovered)));
    assert_eq!(decide(&format!("{strict}{enforced}"), None), (decide(&enforced, None).0, refused));
}

#[test]
fn disabled_or_expired_policy_matches_nothing() {
    let house = House::default();
    let decide = |keys: &str, now: u64| {
        let text = policy("p", "\"widget\"", keys, "");
        let (decided, _) = house.decide_at(now, &house.policies(&text), &claims(), None);
        decided.map(|grant| grant.expires).map_err(|denial| denial.reason)
    };
    let nothing = Err(Reason::NoMatchingPolicy);
    assert_eq!(decide("enabled = false", NOW), nothing);
    assert_eq!(decide("enabled = true", NOW), Ok(None));
    for at in ["2026-09-01", "2026-09-01T00:00:00Z", "2026-09-01T02:00:00.5+02:00"] {
        let key = format!("expires = {at}");
        assert_eq!(decide(&key, NOW - 1), Ok(Some(NOW)), "{at}");
        assert_eq!(decide(&key, NOW), nothing, "{at}");
        assert_eq!(decide(&key, NOW + 1), nothing, "{at}");
    }
    // A token is for as long as all who contribute.
    let text = policy("a", "\"widget\"", "expires = 2026-09-03", "")
        + &policy("b", "\"widget\"", "expires = 2026-09-02", "")
        + &policy("c", "\"gadget\"", "expires = 2026-09-01T00:00:01Z", "");
    let snapshot = house.policies(&text);
    let widget = house.decide(&snapshot, &claims(), Some("package:widget:publish")).expect("a grant");
    assert_eq!(widget.expires, Some(NOW + 86_400));
}

#[test]
fn packages_per_token_uses_the_strictest_policy() {
    let house = House::default();
    let limited = |id: &str, packages: &str, most: u32| {
        policy(id, packages, "", &format!("limits = {{ packages_per_token = {most} }}"))
    };
    let text = limited("a", "\"one\", \"two\", \"three\"", 2) + &policy("b", "\"four\"", "", "");
    let decide = |text: &str, wanted: Option<&str>| {
        let wanted = wanted.map(|names| {
            names.split(' ').map(|name| format!("package:{name}:publish")).collect::<Vec<_>>().join(" ")
        });
        let decided = house.decide(&house.policies(text), &claims(), wanted.as_deref());
        decided.map(|grant| grant.scope.len()).map_err(|denial| denial.reason)
    };
    let refused = Err(Reason::NotCovered);
    assert_eq!(decide(&text, None), refused, "never narrowed silently");
    for (wanted, expected) in [
        ("one", Ok(1)),
        ("one two", Ok(2)),
        ("one four", Ok(2)),
        ("one two three", refused),
        ("one two four", refused),
        ("four", Ok(1)),
    ] {
        assert_eq!(decide(&text, Some(wanted)), expected, "{wanted}");
    }
    let denial = house.decide(&house.policies(&text), &claims(), None).expect_err("refused");
    assert!(denial.detail.contains("4 packages") && denial.detail.contains("at most 2"), "{denial}");
    // A deny takes grants and no limit: it opens nothing that the limit closed.
    for deny in
        ["[[deny]]\npackages = [\"one\", \"two\", \"three\"]\n", "[[policy.deny]]\nactor = \"octocat\"\n"]
    {
        let text = policy("b", "\"four\"", "", "") + &limited("a", "\"one\", \"two\", \"four\"", 1) + deny;
        assert_eq!(decide(&text, None), refused, "{deny}");
        assert_eq!(decide(&text, Some("four")), Ok(1), "{deny}");
    }
}

#[test]
fn strictest_limits_apply_and_a_deny_lifts_none() {
    let house = House::default();
    let limits =
        |ttl: &str, run: u32| format!("limits = {{ token_ttl = \"{ttl}\", tokens_per_run = {run} }}");
    let text = policy("a", "\"widget\"", "", &limits("20m", 5))
        + &policy("b", "\"widget\", \"gadget\"", "", &limits("30m", 3))
        + &policy("c", "\"widget\"", "", &(limits("15m", 1) + "\n[[policy.deny]]\nactor = \"octocat\""));
    let snapshot = house.policies(&text);
    let decide = |wanted| {
        let grant = house.decide(&snapshot, &claims(), Some(wanted)).expect("a grant");
        let runs: Vec<_> = grant.tokens_per_run.iter().map(|(id, most)| format!("{id}{most}")).collect();
        (grant.token_ttl, grant.policies.join(","), runs.join(","))
    };
    let row = |ttl, policies: &str, runs: &str| (ttl, policies.to_owned(), runs.to_owned());
    assert_eq!(decide("package:widget:publish"), row(900, "a,b", "a5,b3,c1"));
    assert_eq!(decide("package:gadget:publish"), row(1800, "b", "b3"));
}

#[test]
fn each_policy_key_is_in_the_digest() {
    let house = House::default();
    let digest = |keys: &str, tables: &str| {
        house.policies(&policy("p", "\"widget\"", keys, tables)).digest().as_str().to_owned()
    };
    let plain = digest("", "");
    assert_eq!(digest("mode = \"enforce\"\nenabled = true", ""), plain);
    let edits = [
        digest("mode = \"audit\"", ""),
        digest("enabled = false", ""),
        digest("expires = 2027-01-01", ""),
        digest("expires = 2027-01-02", ""),
        digest("", "limits = { tokens_per_run = 1 }"),
        digest("", "limits = { packages_per_token = 1 }"),
        plain,
    ];
    let distinct: std::collections::BTreeSet<_> = edits.iter().collect();
    assert_eq!(distinct.len(), edits.len());
    for (keys, complaint) in [
        ("mode = \"dry-run\"", "`mode` cannot be \"dry-run\": write \"enforce\" or \"audit\""),
        ("enabled = \"no\"", "`enabled` must be true or false"),
        ("expires = \"2027-01-01\"", "`expires` must be a date such as 2027-01-01, without quotes"),
        ("expires = 2027-01-01T00:00:00", "`expires` is not an instant: it has no offset"),
        ("limits = { tokens_per_run = 0 }", "`tokens_per_run` must be from 1 to 1000000"),
        ("limits = { packages_per_token = 1.5 }", "`packages_per_token` must be a whole number"),
    ] {
        let source = Source::new("p.toml", policy("p", "\"widget\"", keys, ""));
        let findings = load_documents(&[source], &house.config.vocabulary()).expect_err(keys).to_string();
        assert!(findings.contains(complaint), "{findings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_ends_when_its_policy_expires_without_reload() {
    let issuer = Issuer::start().await;
    let in_ten_minutes = trustmint_tests::now() + 600;
    let at = trustmint::clock::rfc3339(in_ten_minutes * 1000);
    let house = InProcess::start(
        &Setup::new(&issuer)
            .policies(&POLICY.replace("[policy.match]", &format!("expires = {at}\n[policy.match]"))),
    )
    .await;
    let http = reqwest::Client::new();
    let exchange = async || {
        let form = [
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token_type", ID_TOKEN),
            ("subject_token", &issuer.id_token(AUDIENCE)),
        ];
        let reply = http.post(format!("{}/oauth/token", house.public)).form(&form).send().await;
        reply.expect("an answer").json::<Value>().await.expect("JSON")
    };
    // The ID tokens of tests are a little ahead of the clock.
    house.clock.advance(3);
    let minted = exchange().await;
    let expires_in = minted["expires_in"].as_u64().expect("a lifetime");
    assert!((590..=597).contains(&expires_in), "{minted}");
    let token = minted["access_token"].as_str().expect("a token");
    let registry = house.broker.registries().by_id("pypi").expect("configured");
    let is_active = async || {
        let seen = house.broker.introspect(registry, token).await.expect("an answer");
        matches!(seen, trustmint::broker::Introspection::Active(_))
    };
    house.clock.advance(in_ten_minutes - 1 - house.clock.now());
    house.broker.refresh_cut_offs().await.expect("cut-offs");
    assert!(is_active().await);
    house.clock.advance(1);
    assert!(!is_active().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_per_run_holds_under_concurrency() {
    let issuer = Issuer::start().await;
    let limited = format!("{POLICY}\n[policy.limits]\ntokens_per_run = 3\n");
    let redis = RedisServer::start();
    for setup in [Setup::new(&issuer), Setup::new(&issuer).store_url(&redis.url())] {
        let broker = setup.policies(&limited).start().await;
        for run in ["1", "2"] {
            let id_token = || issuer.id_token_with(AUDIENCE, &json!({ "run_id": run }));
            let requests: Vec<_> = (0..24).map(|_| broker.exchange_request(&id_token())).collect();
            let answers: Vec<_> = requests.into_iter().map(|request| tokio::spawn(request.send())).collect();
            let mut minted = 0;
            for answer in answers {
                let answer = answer.await.expect("no panic").expect("an answer");
                if answer.status() == 200 {
                    minted += 1;
                    continue;
                }
                assert_eq!(answer.status(), 400);
                let refused: Value = answer.json().await.expect("JSON");
                assert_eq!(
                    (&refused["error"], &refused["reason"]),
                    (&json!("invalid_request"), &json!("limit_reached"))
                );
            }
            assert_eq!(minted, 3);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_mode_writes_events_and_metrics() {
    let issuer = Issuer::start().await;
    let tried = POLICY.replace("[policy.match]", "mode = \"audit\"\n[policy.match]");
    let broker = Setup::new(&issuer).policies(&tried).start().await;
    let reply = broker.exchange(&issuer.id_token(AUDIENCE)).await;
    let bare = Setup::new(&issuer).policies("").start().await;
    assert_eq!(reply.text, bare.exchange(&issuer.id_token(AUDIENCE)).await.text, "no one outside can tell");
    broker.until("its event is written", || async { !broker.audit().is_empty() }).await;
    let event = &broker.audit()[0];
    assert_eq!(
        (&event["outcome"], &event["reason"], &event["audit_mode"]),
        (
            &json!("would_mint"),
            &json!("no_matching_policy"),
            &json!({
                "policies": ["widget-release"],
                "scope": "package:widget:publish,create package:widget-extras:publish,create",
            })
        )
    );
    let series = "trustmint_exchanges_total{registry=\"pypi\",issuer=\"github\",outcome=\"would_mint\"}";
    assert_eq!(broker.metric(series).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_without_run_is_still_limited() {
    let issuer = Issuer::start().await;
    let policy = format!("{POLICY}\n[policy.limits]\ntokens_per_run = 1\n");
    let broker = Setup::new(&issuer).policies(&policy).start().await;
    let odd = [serde_json::json!({ "run_id": null }), serde_json::json!({ "run_id": ["1"] })];
    for changes in odd {
        let reply = broker.exchange(&issuer.id_token_with(AUDIENCE, &changes)).await;
        assert_eq!(
            (reply.reason(), &reply.json()["claim"]),
            ("missing_claim".to_owned(), &Value::from("run_id"))
        );
    }
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200);
}
