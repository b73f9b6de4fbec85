//! `trustmint policy diff`: who gains and who loses what, from claims that were recorded.

use serde_json::{Value, json};
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::issuer::changed;
use trustmint_tests::workbench::Said;
use trustmint_tests::{Issuer, Setup, Workbench, github};

fn policy(id: &str, repository: &str, packages: &str, more: &str) -> String {
    format!(
        "[[policy]]\nid = \"{id}\"\nissuer = \"github\"\nregistry = \"pypi\"\npackages = [{packages}]\n\
         actions = [\"publish\"]\n[policy.match]\nrepository_owner_id = \"1\"\nrepository_id = \"{repository}\"\n{more}\n"
    )
}

fn claims(repository: &str, changes: &Value) -> String {
    let ids = json!({ "repository_owner_id": "1", "repository_id": repository, "repository": format!("acme/r{repository}") });
    changed(changed(github("https://token.actions.githubusercontent.com", AUDIENCE), &ids), changes)
        .to_string()
}

fn bench(old: &str, new: &str, lines: &str) -> Workbench {
    let bench = Workbench::with_policies("");
    bench.file("old/policies.toml", old);
    bench.file("new/policies.toml", new);
    bench.file("claims.jsonl", lines);
    bench
}

fn diff(bench: &Workbench, more: &[&str]) -> Said {
    bench.run(&[&["policy", "diff", "old", "new", "--claims", "claims.jsonl"], more].concat())
}

/// Two repositories, of which one loses a package and one gains one, and a third that does not care.
fn changing() -> Workbench {
    let same = policy("same", "3", "\"c\"", "");
    let old = policy("shrinks", "1", "\"a\", \"aa\"", "") + &same + &policy("goes", "4", "\"d\"", "");
    let new = format!("# another comment\n{}", policy("shrinks", "1", "\"a\"", ""))
        + &policy("comes", "2", "\"b\"", "ref = { glob = \"refs/tags/v*\" }")
        + &same
        + "[[deny]]\nregistry = \"pypi\"\npackages = [\"zzz\"]\n";
    let lines = [
        claims("1", &json!({})),
        claims("3", &json!({})),
        claims("2", &json!({ "repository": "acme/`<b>`\n| x |" })),
        claims("1", &json!({ "ref": "refs/heads/main" })),
        claims("2", &json!({ "ref": "refs/heads/main" })),
        claims("2", &json!({})),
    ];
    bench(&old, &new, &(lines.join("\n") + "\n"))
}

#[test]
fn policy_diff_shows_gains_and_losses() {
    let said = diff(&changing(), &[]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    insta::assert_snapshot!(said.out, @r"
added comes  (new/policies.toml:12)
removed goes  (old/policies.toml:21)
changed shrinks  (new/policies.toml:2)
added a top-level deny  (new/policies.toml:32)
acme/r1 (github|1|1) on pypi: 2 records, the first at line 1
  loses  package:aa:publish
acme/`<b>`�| x | (github|1|2) on pypi: 2 records, the first at line 3
  gains  package:b:publish
4 policies and denies changed; of 6 records, 2 identities gain or lose something
");
}

#[test]
fn policy_diff_markdown_escapes_foreign_text() {
    let said = diff(&changing(), &["--format", "markdown"]);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.out, @r"
### Trust policies

- added `comes` (`new/policies.toml:12`)
- removed `goes` (`old/policies.toml:21`)
- changed `shrinks` (`new/policies.toml:2`)
- added a top-level deny (`new/policies.toml:32`)

#### Who gains what

- `acme/'<b>'�| x | (github|1|2)` on `pypi`: `package:b:publish` (2 records, the first at line 3)

#### Who loses what

- `acme/r1 (github|1|1)` on `pypi`: `package:aa:publish` (2 records, the first at line 1)

4 policies and denies changed; of 6 records, 2 identities gain or lose something
");
}

#[test]
fn equal_decisions_are_not_a_difference() {
    let one = policy("one", "1", "\"a\", \"b\"", "environment = [\"x\", \"y\"]");
    let two = policy("two", "2", "\"c\"", "");
    let other = format!("{two}# a comment\n{}", one.replace("\"a\", \"b\"", "\"B\", \"a\""));
    let said = diff(&bench(&format!("{one}{two}"), &other, &claims("1", &json!({}))), &["--format", "json"]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert_eq!(said.json()["compared"], 1);
    // A limit on the packages of one token takes nothing away.
    let limited = format!("{one}[policy.limits]\npackages_per_token = 1\n{two}");
    let said = diff(
        &bench(&format!("{one}{two}"), &limited, &claims("1", &json!({ "environment": "x" }))),
        &["--format", "json"],
    );
    assert_eq!(
        (said.code, &said.json()["identities"]),
        (1, &json!([])),
        "the policy changed, and no one lost"
    );
}

#[test]
fn policy_diff_skips_other_lines_and_rejects_bad_ones() {
    let old = policy("one", "1", "\"a\"", "");
    let fine = claims("1", &json!({}));
    for (lines, code, skipped, unreadable) in [
        (format!("{fine}\n"), 1, 0, 0),
        (format!("\n{fine}"), 1, 1, 0),
        (format!("{{\"iss\":\"https://elsewhere.example\"}}\n{fine}"), 1, 1, 0),
        (format!("{}\n{fine}", claims("1", &json!({ "repository_id": null }))), 1, 1, 0),
        (format!("{{\"outcome\":\"switched\",\"dialect\":\"admin\"}}\n{fine}"), 1, 1, 0),
        (format!("no JSON\n{fine}"), 2, 0, 1),
        (format!("[1]\n{fine}"), 2, 0, 1),
        (format!("{{\"a\":1,\"a\":2}}\n{fine}"), 2, 0, 1),
        (format!("{{\"a\":\"{}\"}}\n{fine}", "x".repeat(300_000)), 2, 0, 1),
    ] {
        let said = diff(&bench(&old, "", &lines), &["--format", "json"]);
        let json = said.json();
        assert_eq!(said.code, code, "{} {}", said.out, said.err);
        assert_eq!((&json["skipped"], &json["unreadable"]), (&json!(skipped), &json!(unreadable)));
        assert_eq!(
            json["identities"][0]["loses"], "package:a:publish",
            "the others are compared all the same"
        );
    }
    let bench = bench(&old, "[[policy]]\n", &fine);
    assert_eq!(diff(&bench, &[]).code, 2, "policies that do not load");
    bench.file("new/policies.toml", "");
    assert_eq!(bench.run(&["policy", "diff", "old", "new", "--claims", "nowhere"]).code, 2);
    assert_eq!(bench.run(&["policy", "diff", "old", "new"]).code, 2);
}

#[test]
fn policy_diff_streams_long_records() {
    let old = policy("one", "1", "\"a\"", "");
    let line = claims("1", &json!({}));
    let lines = format!("{line}\n").repeat(5_000);
    let said = diff(&bench(&old, "", &lines), &["--format", "json"]);
    let identities = said.json()["identities"].clone();
    assert_eq!(identities.as_array().map(Vec::len), Some(1));
    assert_eq!((&identities[0]["records"], &identities[0]["first_line"]), (&json!(5_000), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_diff_reads_service_events() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200);
    let branch = json!({ "ref": "refs/heads/main" });
    assert_eq!(broker.exchange(&issuer.id_token_with(AUDIENCE, &branch)).await.reason(), "claim_mismatch");
    assert_eq!(broker.exchange("x").await.status, 400);
    broker.until("the events are written", || async { broker.audit().len() == 3 }).await;

    let folder = broker.folder.path();
    let policy = std::fs::read_to_string(folder.join("policies/widget.toml")).expect("policy");
    std::fs::create_dir(folder.join("new")).expect("folder");
    let wider = policy.replace("{ glob = \"refs/tags/v*\" }", "{ prefix = \"refs/\" }");
    std::fs::write(folder.join("new/widget.toml"), wider).expect("policy");
    let arguments = ["policy", "diff", "policies", "new", "--claims", "audit.jsonl", "--format", "json"];
    let said = trustmint_tests::workbench::run_with_input(folder, &arguments, "");
    let json = said.json();
    assert_eq!((said.code, &json["compared"], &json["skipped"]), (1, &json!(2), &json!(1)), "{json}");
    let identities = json["identities"].as_array().expect("identities");
    assert_eq!(identities.len(), 1, "{json}");
    assert_eq!(identities[0]["repository"], "acme/widget");
    assert_eq!(
        (&identities[0]["gains"], &identities[0]["loses"]),
        (&json!("package:widget:publish,create package:widget-extras:publish,create"), &json!(""))
    );
}
