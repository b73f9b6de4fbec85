//! What holds for all policies there can be, not for examples only.

use proptest::prelude::*;
use serde_json::{Value, json};
use trustmint::policy::Glob;
use trustmint::policy::tools::explain::State;
use trustmint::registry::Package;
use trustmint_tests::deciding::House;
use trustmint_tests::issuer::changed;

/// What the documentation says, by trying everything.
fn by_the_book(pattern: &[char], value: &[char]) -> bool {
    let stars = pattern.iter().take_while(|&&letter| letter == '*').count();
    if stars == 0 {
        return match (pattern.split_first(), value.split_first()) {
            (None, None) => true,
            (Some((wanted, pattern)), Some((found, value))) => wanted == found && by_the_book(pattern, value),
            _ => false,
        };
    }
    let crosses = |letter: &char| !matches!(letter, ':' | '@') && (stars == 2 || *letter != '/');
    (1..=value.len())
        .take_while(|length| crosses(&value[length - 1]))
        .any(|length| by_the_book(&pattern[stars..], &value[length..]))
}

/// Policies, each with a chance to match the claims below.
fn policy() -> impl Strategy<Value = String> {
    let packages = prop::sample::subsequence(vec!["\"a\"", "\"b\"", "\"c\""], 1..=3);
    let actions = prop::sample::subsequence(vec!["\"publish\"", "\"yank\""], 1..=2);
    let most = prop::option::of(1..3_u32);
    (packages, actions, prop::collection::vec(condition(), 0..2), most, 0..1_000_000_000_u32).prop_map(
        |(packages, actions, conditions, most, id)| {
            format!(
                "[[policy]]\nid = \"p{id}\"\nissuer = \"github\"\nregistry = \"pypi\"\npackages = [{}]\nactions = [{}]\n\
                 [policy.match]\nrepository_owner_id = \"9100048\"\nrepository_id = \"48124571\"\n{}\n{}",
                packages.join(","),
                actions.join(","),
                distinct(&conditions),
                most.map_or(String::new(), |most| format!("[policy.limits]\npackages_per_token = {most}\n")),
            )
        },
    )
}

fn condition() -> impl Strategy<Value = (&'static str, &'static str)> {
    let claim = prop::sample::select(vec!["environment", "ref", "actor", "repository"]);
    let pattern = prop::sample::select(vec![
        "\"x\"",
        "[\"x\", \"y\"]",
        "{ glob = \"x*\" }",
        "{ prefix = \"y\" }",
        "{ present = true }",
        "{ present = false }",
    ]);
    (claim, pattern)
}

/// One condition a claim, as TOML has one value a key.
fn distinct(conditions: &[(&str, &str)]) -> String {
    let conditions: std::collections::BTreeMap<_, _> = conditions.iter().copied().collect();
    conditions.iter().map(|(claim, pattern)| format!("{claim} = {pattern}\n")).collect()
}

fn deny() -> impl Strategy<Value = String> {
    let packages = prop::sample::select(vec!["", "packages = [\"a\"]\n", "packages = [\"B\", \"c\"]\n"]);
    let about = prop::sample::select(vec!["issuer = \"github\"\n", "registry = \"pypi\"\n"]);
    (packages, about, prop::collection::vec(condition(), 1..3)).prop_map(|(packages, about, conditions)| {
        format!("[[deny]]\n{about}{packages}[deny.match]\n{}\n", distinct(&conditions))
    })
}

fn claims() -> impl Strategy<Value = Value> {
    let value = || {
        prop::sample::select(vec![
            Value::Null,
            json!("x"),
            json!("xx"),
            json!("y"),
            json!("Yz"),
            json!(["x"]),
        ])
    };
    (value(), value(), value(), value()).prop_map(|(environment, reference, actor, repository)| {
        let changes =
            json!({ "environment": environment, "ref": reference, "actor": actor, "repository": repository });
        changed(trustmint_tests::github("https://token.actions.githubusercontent.com", "x"), &changes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn glob_matches_like_the_reference_matcher(pattern in "[ab/:@*ä]{1,7}", value in "[ab/:@*ä]{0,8}") {
        if let Ok(glob) = Glob::parse(&pattern) {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob.matches(&value), by_the_book(&letters(&pattern), &letters(&value)));
        }
    }

    #[test]
    fn value_generated_from_a_glob_matches_it(head in "[ab]{1,3}", fill in "[ab.-]{1,5}", tail in "[/@:ab]{0,3}") {
        let glob = Glob::parse(&format!("{head}*{tail}")).expect("a glob");
        let value = format!("{head}{fill}{tail}");
        prop_assert!(glob.matches(&value));
        let crossing = format!("{head}{fill}/{fill}{tail}");
        prop_assert!(!glob.matches(&crossing), "a star stays within its segment");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adding_a_deny_never_adds_a_grant(
        policies in prop::collection::vec(policy(), 1..4),
        first in prop::option::of(deny()),
        added in deny(),
        own in prop::collection::vec(condition(), 1..3),
        claims in claims(),
    ) {
        let house = House::default();
        let mut ids = std::collections::BTreeSet::new();
        prop_assume!(policies.iter().all(|policy| ids.insert(policy.lines().nth(1).map(str::to_owned))));
        let text = policies.concat();
        let first = first.unwrap_or_default();
        let decide = |text: &str| house.decide(&house.policies(text), &claims, None).map(|grant| grant.scope);
        let before = decide(&format!("{text}{first}"));
        // A top-level deny, and one of the last policy's own.
        for after in [
            decide(&format!("{text}{first}{added}")),
            decide(&format!("{text}[[policy.deny]]\n{}{first}", distinct(&own))),
        ] {
            match (&before, after) {
                (Err(_), Ok(scope)) => prop_assert!(false, "granted only with the deny: {scope}"),
                (Ok(before), Ok(after)) => prop_assert!(before.uncovered(&after).is_empty(), "{before} → {after}"),
                (_, Err(_)) => {}
            }
        }
    }
}

/// Top-level denies of every kind: about ids, packages, both or neither.
fn any_deny() -> impl Strategy<Value = String> {
    let issuer = prop::sample::select(vec!["", "issuer = \"github\"\n"]);
    let packages = prop::sample::select(vec!["", "packages = [\"a\"]\n", "packages = [\"B\", \"c\"]\n"]);
    let pin = prop::sample::select(vec![
        "",
        "repository_id = \"48124571\"\n",
        "repository_id = [\"1\", \"48124571\"]\n",
        "repository_id = \"1\"\n",
        "repository_id = { prefix = \"48\" }\n",
        "repository_owner_id = \"9100048\"\n",
        "repository_owner_id = \"9100048\"\nrepository_id = \"1\"\n",
    ]);
    (issuer, packages, pin, prop::option::of(condition())).prop_map(|(issuer, packages, pin, more)| {
        let more = distinct(more.as_slice());
        let about = if pin.is_empty() && more.is_empty() { "" } else { "[deny.match]\n" };
        format!("[[deny]]\nregistry = \"pypi\"\n{issuer}{packages}{about}{pin}{more}\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn deny_index_finds_what_a_scan_finds(
        denies in prop::collection::vec(any_deny(), 1..6),
        claims in claims(),
    ) {
        let house = House::default();
        let allow = "[[policy]]\nid = \"p\"\nissuer = \"github\"\nregistry = \"pypi\"\npackages = [\"a\", \"b\", \"c\"]\n\
                     actions = [\"publish\"]\nmatch = { repository_owner_id = \"9100048\", repository_id = \"48124571\" }\n";
        let snapshot = house.policies(&format!("{allow}{}", denies.concat()));
        let (identity, registry) = (house.identity(&claims), house.config.registries.by_id("pypi").expect("pypi"));
        let taken = |package: &str| {
            let package = Package::parse(registry.kind, package).expect("a name");
            snapshot.denies().iter().any(|deny| deny.applies(&identity, registry) && deny.names(&package, registry))
        };
        let left: Vec<_> = ["a", "b", "c"].into_iter().filter(|package| !taken(package)).collect();
        let granted = house.decide(&snapshot, &claims, None).map(|grant| grant.scope).unwrap_or_default();
        let granted: Vec<_> = granted.iter().map(|(package, _)| package.as_str()).collect();
        prop_assert_eq!(granted, left);
    }
}

/// Policies of this and of other repositories, with denies of their own, and what is asked of them.
fn house_of_policies() -> impl Strategy<Value = String> {
    let own = prop::option::of(prop::collection::vec(condition(), 1..3));
    let idle = prop::sample::select(vec!["", "", "", "mode = \"audit\"", "expires = 2026-01-01T00:00:00Z"]);
    let one = (policy(), prop::bool::weighted(0.7), own, idle).prop_map(|(text, ours, own, idle)| {
        let text = text.replacen("[[policy]]", &format!("[[policy]]\n{idle}"), 1);
        let text = if ours { text } else { text.replace("48124571", "48124572") };
        text + &own.map_or_else(String::new, |own| format!("[[policy.deny]]\n{}\n", distinct(&own)))
    });
    (prop::collection::vec(one, 0..5), prop::collection::vec(deny(), 0..2))
        .prop_map(|(policies, denies)| policies.concat() + &denies.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn explain_agrees_with_the_decision(
        text in house_of_policies(),
        claims in claims(),
        event in prop::sample::select(vec!["push", "pull_request", "pull_request_target"]),
        wanted in prop::option::of(prop::sample::select(vec!["package:a:publish", "package:b:yank package:c:publish"])),
    ) {
        let house = House::default();
        let mut ids = std::collections::BTreeSet::new();
        prop_assume!(text.lines().filter(|line| line.starts_with("id = ")).all(|id| ids.insert(id.to_owned())));
        let claims = changed(claims, &json!({ "event_name": event }));
        let snapshot = house.policies(&text);
        let decided = house.decide(&snapshot, &claims, wanted);
        let (operators, callers) =
            (house.explain(&snapshot, &claims, wanted), house.explain_to_caller(&snapshot, &claims, wanted));

        // The same decision in both views, word for word.
        prop_assert_eq!(&operators.decision, &callers.decision);
        let decision = &operators.decision;
        match &decided {
            Ok(grant) => {
                let shown = decision.grant.as_ref().expect("a grant");
                prop_assert_eq!(&shown.scope, &grant.scope.to_string());
                prop_assert_eq!(shown.expires_in, grant.token_ttl);
                prop_assert_eq!(&shown.policies, &grant.policies);
            }
            Err(denial) => {
                prop_assert_eq!(decision.reason, Some(denial.reason.as_str()));
                prop_assert_eq!(decision.detail.as_deref(), Some(&*denial.detail));
                prop_assert_eq!(&decision.expected, &denial.expected);
            }
        }

        // And what is said about each policy leads to that decision.
        let matching: Vec<_> = operators.policies.iter().filter(|policy| policy.considered.matches).collect();
        let considered = operators.policies.iter().map(|policy| &policy.considered);
        let told: Vec<_> = considered.filter(|policy| callers.policies.contains(policy)).collect();
        prop_assert!(told.iter().copied().eq(&callers.policies));
        prop_assert!(callers.policies.iter().all(|policy| policy.state != State::Audit), "not before it counts");
        if let Ok(grant) = &decided {
            prop_assert!(grant.policies.iter().all(|id| matching.iter().any(|policy| policy.considered.id == *id)));
        } else {
            let reason = decision.reason.expect("a reason");
            prop_assert_eq!(reason == "dangerous_event", event == "pull_request_target");
            if event != "pull_request_target" {
                let all_expired = callers.policies.iter().all(|policy| policy.state == State::Expired);
                prop_assert_eq!(reason == "no_matching_policy", all_expired);
                prop_assert!(matching.is_empty() || !operators.denies.is_empty() || reason == "not_covered");
            }
            if let (Some(nearest), "claim_mismatch") = (operators.policies.first(), reason) {
                let failed = nearest.considered.failed().next().expect("a condition that fails");
                prop_assert_eq!(decision.claim.as_ref(), Some(&failed.claim));
            }
        }
        prop_assert_eq!(
            operators.policies.len() + operators.not_considered.len() + operators.more_not_considered,
            snapshot.len()
        );
    }
}
