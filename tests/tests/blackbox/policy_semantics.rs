//! What a condition means, in an allow and in a deny, and how policies add up.

use serde_json::{Value, json};
use trustmint::denial::Reason;
use trustmint_tests::deciding::House;
use trustmint_tests::issuer::changed;

const PINS: &str = "repository_owner_id = \"9100048\"\nrepository_id = \"48124571\"\n";

fn policy(id: &str, packages: &str, more: &str) -> String {
    format!(
        "[[policy]]\nid = \"{id}\"\nissuer = \"github\"\nregistry = \"pypi\"\npackages = [{packages}]\n\
         actions = [\"publish\"]\n[policy.match]\n{PINS}{more}\n"
    )
}

fn claims(changes: Value) -> Value {
    changed(trustmint_tests::github("https://token.actions.githubusercontent.com", "x"), &changes)
}

#[test]
fn absent_claim_never_allows_and_always_denies() {
    let house = House::default();
    let absent = &Value::Null;
    let odd = [json!(1.5), json!(["refs/tags/v1"]), json!({ "ref": "refs/tags/v1" }), json!(["x"])];
    let has = |value: &str| json!(value);
    // Condition; value; whether an allow opens; whether a deny counts.
    let mut rows: Vec<(&str, Value, bool, bool)> = vec![
        (r#""refs/tags/v1""#, has("refs/tags/v1"), true, true),
        // A deny ignores case.
        (r#""refs/tags/v1""#, has("refs/tags/V1"), false, true),
        (r#""refs/tags/v1""#, has("refs/tags/v1 "), false, false),
        (r#""refs/tags/v1""#, has(""), false, false),
        (r#"["refs/heads/main", "refs/tags/v1"]"#, has("refs/tags/v1"), true, true),
        (r#"["refs/heads/main", "refs/tags/v1"]"#, has("refs/tags/v2"), false, false),
        (r#"["refs/heads/main", { glob = "refs/tags/v*" }]"#, has("refs/tags/v2"), true, true),
        (r#"{ glob = "refs/tags/v*" }"#, has("refs/tags/v1.2"), true, true),
        (r#"{ glob = "refs/tags/v*" }"#, has("refs/tags/v"), false, false),
        (r#"{ glob = "refs/tags/v*" }"#, has("refs/tags/v1/x"), false, false),
        (r#"{ glob = "refs/heads/**" }"#, has("refs/heads/a/b"), true, true),
        (r#"{ glob = "refs/heads/**" }"#, has("refs/heads/a@b"), false, false),
        (r#"{ glob = "refs/heads/**" }"#, has("refs/heads/a:b"), false, false),
        // An element that is not a string matches nothing in an allow and everything in a deny.
        (r#"{ contains = "x" }"#, json!(["y", "x"]), true, true),
        (r#"{ contains = "x" }"#, json!(["y"]), false, false),
        (r#"{ contains = "x" }"#, json!(["y", 5]), false, true),
        (r#"{ contains = "x" }"#, json!([{}]), false, true),
        (r#"{ prefix = "refs/tags/" }"#, has("refs/tags/a/b@c:d"), true, true),
        (r#"{ prefix = "refs/tags/" }"#, has("refs/tags/"), false, false),
        (r#"{ prefix = "refs/tags/" }"#, has("xrefs/tags/a"), false, false),
        (r#""5""#, json!(5), true, true),
        (r#""true""#, json!(true), true, true),
        ("true", json!(true), true, true),
        (r#"{ present = true }"#, has("x"), true, true),
        (r#"{ present = true }"#, absent.clone(), false, false),
        (r#"{ present = false }"#, has("x"), false, false),
        (r#"{ present = false }"#, absent.clone(), true, true),
    ];
    for condition in
        [r#""refs/tags/v1""#, r#"["a", "b"]"#, r#"{ glob = "refs/*" }"#, r#"{ prefix = "refs/" }"#]
    {
        rows.push((condition, absent.clone(), false, true));
        rows.extend(odd.iter().map(|value| (condition, value.clone(), false, true)));
    }
    for (condition, value, opens, counts) in rows {
        let what = format!("{condition} {value}");
        let claims = claims(json!({ "ref": value }));
        let allow = house.policies(&policy("p", "\"widget\"", &format!("ref = {condition}")));
        assert_eq!(house.decide(&allow, &claims, None).is_ok(), opens, "allow {what}");

        let own = policy("p", "\"widget\"", &format!("[[policy.deny]]\nref = {condition}"));
        let general = policy("p", "\"widget\"", "") + &format!("[[deny]]\nmatch = {{ ref = {condition} }}\n");
        for deny in [own, general] {
            let reason = house.decide(&house.policies(&deny), &claims, None).map_err(|denial| denial.reason);
            let expected = if counts { Some(Reason::DeniedByPolicy) } else { None };
            assert_eq!(reason.err(), expected, "deny {what}");
        }
    }
}

#[test]
fn names_ignore_case_where_the_platform_does() {
    let house = House::default();
    let claims = claims(json!({ "repository": "Acme/Widget", "actor": "OctoCat", "environment": "Release" }));
    for (condition, opens) in [
        (r#"environment = "release""#, true),
        (r#"environment = { glob = "rel*" }"#, true),
        (r#"repository = "acme/widget""#, true),
        (r#"repository = "ACME/WIDGET""#, true),
        (r#"repository = { glob = "acme/Wid*" }"#, true),
        (r#"repository = { prefix = "aCME/" }"#, true),
        (r#"actor = "octocat""#, false),
    ] {
        let allow = house.policies(&policy("p", "\"widget\"", condition));
        assert_eq!(house.decide(&allow, &claims, None).is_ok(), opens, "{condition}");
        for about in ["issuer = \"github\"\n", ""] {
            let deny =
                policy("p", "\"widget\"", "") + &format!("[[deny]]\n{about}match = {{ {condition} }}\n");
            // A deny ignores case for every claim: a spelling must not evade it.
            assert!(house.decide(&house.policies(&deny), &claims, None).is_err(), "{about}{condition}");
        }
        let own = policy("p", "\"widget\"", "") + &format!("[[policy.deny]]\n{condition}\n");
        assert!(house.decide(&house.policies(&own), &claims, None).is_err(), "{condition}");
    }
}

#[test]
fn policies_add_up_with_the_shortest_lifetime() {
    let house = House::default();
    let limited = |id, packages, more, ttl| {
        policy(id, packages, more) + &format!("[policy.limits]\ntoken_ttl = \"{ttl}\"\n")
    };
    let text = limited("b", "\"widget\"", "", "20m")
        + &limited("a", "\"gadget\", \"Widget\"", "environment = \"pypi\"", "15m")
        + &limited("c", "\"other\"", "environment = \"staging\"", "15m")
        + &limited("d", "\"long\"", "", "1h");
    let snapshot = house.policies(&text);
    let claims = claims(json!({}));
    let outcome = |wanted| {
        house
            .decide(&snapshot, &claims, wanted)
            .map(|grant| (grant.scope.to_string(), grant.token_ttl, grant.policies.join(",")))
            .map_err(|denial| denial.reason)
    };
    let all = "package:gadget:publish package:long:publish package:widget:publish";
    assert_eq!(outcome(None), Ok((all.to_owned(), 900, "a,b,d".to_owned())));
    // Only who contributes counts.
    let long = Some("package:long:publish");
    assert_eq!(outcome(long), Ok(("package:long:publish".to_owned(), 3600, "d".to_owned())));
    let widget = Some("package:widget:publish");
    assert_eq!(outcome(widget), Ok(("package:widget:publish".to_owned(), 900, "a,b".to_owned())));
    let bare = house.policies(&policy("bare", "\"widget\"", ""));
    assert_eq!(house.decide(&bare, &claims, None).expect("a grant").token_ttl, 7200, "the registry's own");
    for beyond in [
        "package:other:publish",
        "package:widget:yank",
        "package:widget:publish,yank",
        "package:widget:publish package:other:publish",
        "package:unheard-of:publish",
    ] {
        assert_eq!(outcome(Some(beyond)), Err(Reason::NotCovered), "{beyond}");
    }
}

#[test]
fn deny_wins_over_any_allow() {
    let house = House::default();
    let two = policy("one", "\"widget\", \"gadget\"", "") + &policy("two", "\"widget\"", "");
    let claims = claims(json!({}));
    let scope = |denies: &str, wanted| {
        let snapshot = house.policies(&format!("{two}{denies}"));
        house
            .decide(&snapshot, &claims, wanted)
            .map(|grant| grant.scope.to_string())
            .map_err(|denial| denial.reason)
    };
    let both = "package:gadget:publish package:widget:publish";
    assert_eq!(scope("", None).as_deref(), Ok(both));
    let widget = "[[deny]]\nregistry = \"pypi\"\npackages = [\"WIDGET\"]\n";
    assert_eq!(scope(widget, None).as_deref(), Ok("package:gadget:publish"), "in any spelling");
    assert_eq!(scope(widget, Some("package:widget:publish")), Err(Reason::NotCovered));
    assert_eq!(scope("[[deny]]\nregistry = \"pypi\"\n", None), Err(Reason::DeniedByPolicy));
    let elsewhere = "[[deny]]\npackages = [\"widget\"]\nmatch = { environment = \"staging\" }\n";
    assert_eq!(scope(elsewhere, None).as_deref(), Ok(both));
    // All conditions of a deny must hold; a policy's own deny voids that policy only.
    let half = "[[deny]]\npackages = [\"widget\"]\nmatch = { environment = \"pypi\", actor = \"no one\" }\n";
    assert_eq!(scope(half, None).as_deref(), Ok(both));
    let own = "[[policy.deny]]\nenvironment = \"pypi\"\n";
    assert_eq!(scope(own, None).as_deref(), Ok(both), "the last policy is void, the first grants the same");
    let event =
        "[[deny]]\nissuer = \"github\"\nmatch = { event_name = [\"push\", \"pull_request_target\"] }\n";
    assert_eq!(scope(event, None), Err(Reason::DeniedByPolicy), "a deny may name any event");
}

#[test]
fn multiple_event_names_grant_nothing() {
    let house = House::default();
    let snapshot = house.policies(&policy("p", "\"widget\"", "event_name = { present = true }"));
    let reason = |event: Value| {
        house.decide(&snapshot, &claims(json!({ "event_name": event })), None).map_err(|denial| denial.reason)
    };
    assert!(reason(json!("push")).is_ok());
    assert_eq!(reason(json!("pull_request_target")).err(), Some(Reason::DangerousEvent));
    assert_eq!(reason(json!(["pull_request_target"])).err(), Some(Reason::InvalidClaim));
    assert_eq!(reason(Value::Null).err(), Some(Reason::ClaimMismatch));
}

#[test]
fn digest_ignores_file_order_and_sees_each_edit() {
    let house = House::default();
    let (one, two) =
        (policy("one", "\"a\", \"b\"", "environment = [\"x\", \"y\"]"), policy("two", "\"c\"", ""));
    let deny = "[[deny]]\nregistry = \"pypi\"\npackages = [\"d\", \"e\"]\n";
    let digest = |files: &[(&str, &str)]| house.files(files).digest().as_str().to_owned();
    let all = digest(&[("a.toml", &format!("{one}{two}{deny}"))]);
    let same = [
        digest(&[("z/y.toml", &format!("{two}{deny}{one}"))]),
        digest(&[("b.toml", &one), ("a.toml", deny), ("c.toml", &two)]),
        digest(&[("a.toml", &format!("# a comment\n\n{}", format!("{one}{two}{deny}").replace(" = ", "=")))]),
        digest(&[("a.toml", &format!("{}{two}{deny}", one.replace("\"a\", \"b\"", "\"B\", \"a\"")))]),
        digest(&[("a.toml", &format!("{}{two}{deny}", one.replace("\"x\", \"y\"", "\"y\", \"x\"")))]),
        digest(&[("a.toml", &format!("{one}{two}{}", deny.replace("\"d\", \"e\"", "\"e\", \"d\"")))]),
    ];
    assert_eq!(same, std::array::from_fn(|_| all.clone()));
    let edits = [
        two.clone(),
        format!("{one}{two}"),
        format!("{one}{deny}"),
        format!("{}{two}{deny}", one.replace("\"x\", \"y\"", "\"x\"")),
        format!("{}{two}{deny}", one.replace("[\"x\", \"y\"]", "{ glob = \"x*\" }")),
        format!("{}{two}{deny}", one.replace("[\"x\", \"y\"]", "{ prefix = \"x*\" }")),
        format!("{}{two}{deny}", one.replace("\"a\", \"b\"", "\"a\"")),
        format!("{}{two}{deny}", one.replace("[\"publish\"]", "[\"publish\", \"yank\"]")),
        format!("{}{two}{deny}", one.replace("48124571", "48124572")),
        format!("{}{two}{deny}", one.replace("\"one\"", "\"three\"")),
        format!("{one}{two}[policy.limits]\ntoken_ttl = \"15m\"\n{deny}"),
        format!("{one}{two}[[policy.deny]]\nactor = \"x\"\n{deny}"),
        format!("{one}{two}{}", deny.replace("\"d\", ", "")),
    ];
    let mut digests: Vec<_> = edits.iter().map(|text| digest(&[("a.toml", text)])).collect();
    digests.push(all);
    let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(distinct.len(), edits.len() + 1, "every edit is a digest of its own");
}
