//! `trustmint init`: whatever is answered, what it writes is accepted, and trusts that project only.

mod terminal;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use trustmint::identity::Kind;
use trustmint::registry::RegistryKind;
use trustmint_tests::broker::{ADMIN_TOKEN, AUDIENCE, run, sha256_hex};
use trustmint_tests::workbench::{Said, run_with_input};
use trustmint_tests::{BrokerProcess, KindCase, keys};

use super::kinds::recorded;

/// A case for every kind there is.
fn cases() -> Vec<KindCase> {
    let oidc = KindCase {
        url: "https://ci.example.com",
        claims: json!({ "sub": "pool/release", "team": "team-71" }),
        policy: vec![("sub", "\"pool/release\""), ("team", "\"team-71\"")],
        ..KindCase::default()
    };
    let cases: Vec<_> = recorded().into_iter().chain([oidc]).collect();
    for kind in Kind::ALL {
        assert!(cases.iter().any(|case| case.kind == kind.name), "{} has no case", kind.name);
    }
    cases
}

fn kind_of(case: &KindCase) -> &'static Kind {
    Kind::by_name(case.kind).expect("a kind")
}

/// The claims that every policy pins.
fn pins(case: &KindCase) -> Vec<&'static str> {
    let kind = kind_of(case);
    if kind.has_pins() { kind.pins(case.url) } else { vec!["sub", "team"] }
}

/// What the case's own policy says about a claim, where that is one value.
fn exact<'c>(case: &'c KindCase, claim: &str) -> Option<&'c str> {
    let (_, value) = case.policy.iter().find(|(name, _)| *name == claim)?;
    value.strip_prefix('"')?.strip_suffix('"')
}

/// The flags that answer everything.
fn flags(case: &KindCase, registry: RegistryKind) -> Vec<String> {
    let kind = kind_of(case);
    let mut flags: Vec<_> = [
        ("--public-url", "https://publish.example.com"),
        ("--listen", "127.0.0.1:0"),
        ("--ops", "127.0.0.1:0"),
        ("--issuer", case.kind),
        ("--issuer-url", case.url),
        ("--registry", registry.as_str()),
        ("--host", "packages.example.com"),
        ("--package", "widget"),
    ]
    .iter()
    .flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()])
    .collect();
    let recommended = kind.recommended().map(|(claim, _)| claim);
    for claim in pins(case).into_iter().chain(recommended) {
        if let Some(value) = exact(case, claim) {
            flags.extend(["--claim".to_owned(), format!("{claim}={value}")]);
        }
    }
    if !kind.has_pins() {
        flags.extend(["--pin", "sub", "--pin", "team"].map(str::to_owned));
    }
    if case.section.contains("accept_shared_audience") {
        flags.push("--accept-shared-audience".to_owned());
    }
    flags
}

fn init(folder: &Path, flags: &[String], more: &[&str]) -> Said {
    let flags = flags.iter().map(String::as_str);
    let arguments: Vec<_> = ["init", "--yes"].into_iter().chain(flags).chain(more.iter().copied()).collect();
    run_with_input(folder, &arguments, "")
}

#[test]
fn init_output_is_valid_for_each_issuer_and_registry() {
    for case in cases() {
        for registry in RegistryKind::ALL {
            let folder = tempfile::tempdir().expect("folder");
            let about = format!("{} {}", case.kind, registry.as_str());
            let said = init(folder.path(), &flags(&case, registry), &[]);
            assert_eq!(said.code, 0, "{about}: {}", said.err);
            for command in [&["config", "check"][..], &["policy", "check"], &["policy", "test"]] {
                let (code, shown, errors) = run(folder.path(), command);
                assert_eq!(code, 0, "{about} {command:?}: {shown} {errors}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn init_policy_accepts_its_project_only() {
    for (case, registry) in cases().into_iter().zip(RegistryKind::ALL.into_iter().cycle()) {
        let folder = tempfile::tempdir().expect("folder");
        let said = init(folder.path(), &flags(&case, registry), &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        // No one here can sign for the vendor, so its keys are ours; and tests have an admin listener.
        let path = folder.path().join("trustmint.toml");
        let written = std::fs::read_to_string(&path).expect("written");
        let section = format!("[issuers.{}]\n", case.kind);
        let changed = written
            .replace(&section, &format!("{section}keys_file = \"keys.json\"\n"))
            .replace("[listen]\n", "[listen]\nadmin = \"127.0.0.1:0\"\nadmin_token_file = \"admin-token\"\n");
        std::fs::write(&path, changed).expect("file");
        let keys = keys::jwks([keys::rsa()]).to_string();
        std::fs::write(folder.path().join("keys.json"), keys).expect("file");
        std::fs::write(folder.path().join("admin-token"), ADMIN_TOKEN).expect("file");
        let broker = BrokerProcess::launch(Arc::new(folder), "info".to_owned()).await;

        // Where jobs can choose, they ask for what the registry's clients ask for.
        let audience = match case.audience {
            AUDIENCE => (registry.spec().default_audiences)("packages.example.com").remove(0),
            fixed => fixed.to_owned(),
        };
        let mine = case.token_claims(&json!({ "aud": audience }));
        let reply = broker.exchange(&keys::rsa().sign(&mine)).await;
        assert_eq!(reply.status, 200, "{}: {}", case.kind, reply.text);
        let scope = reply.json()["scope"].as_str().expect("a scope").to_owned();
        assert_eq!(scope, "package:widget:publish", "{}", case.kind);

        for pin in pins(&case) {
            let theirs = of_another(
                &case.token_claims(&json!({ "aud": audience })),
                exact(&case, pin).expect("a value"),
            );
            let reply = broker.exchange(&keys::rsa().sign(&theirs)).await;
            let refused = ["no_matching_policy", "invalid_claim"].contains(&reply.reason().as_str());
            assert!(reply.status == 400 && refused, "{} {pin}: {} {theirs}", case.kind, reply.text);
        }
    }
}

/// The claims with one id replaced wherever it stands, but in `iss`.
fn of_another(claims: &Value, id: &str) -> Value {
    let other: String = id
        .chars()
        .map(|letter| match letter {
            '9' => '1',
            '0'..='8' => char::from(letter as u8 + 1),
            'e' => 'a',
            _ => letter,
        })
        .collect();
    assert_ne!(id, other);
    let mut theirs: Value = serde_json::from_str(&claims.to_string().replace(id, &other)).expect("JSON");
    theirs["iss"] = claims["iss"].clone();
    theirs
}

#[test]
fn init_shows_the_secret_once_and_writes_its_hash() {
    let folder = tempfile::tempdir().expect("folder");
    let said = init(folder.path(), &flags(&cases()[7], RegistryKind::Pypi), &[]);
    let secret = said.out.trim().rsplit(' ').next().expect("a secret");
    assert_eq!(said.out.matches(secret).count(), 1);
    assert!(!said.err.contains(secret));
    let configuration = std::fs::read_to_string(folder.path().join("trustmint.toml")).expect("written");
    assert!(configuration.contains(&sha256_hex(secret)), "{configuration}");
    assert!(secret.len() >= 40 && !configuration.contains(secret));
    let again = tempfile::tempdir().expect("folder");
    assert_ne!(init(again.path(), &flags(&cases()[7], RegistryKind::Pypi), &[]).out, said.out);
}

#[test]
fn init_keeps_existing_files_without_force() {
    let all = flags(&cases()[7], RegistryKind::Pypi);
    for name in ["trustmint.toml", "policies/widget.toml"] {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("policies")).expect("folder");
        let path = folder.path().join(name);
        std::fs::write(&path, "# mine\n").expect("file");
        let said = init(folder.path(), &all, &[]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
        assert!(said.err.contains(&format!("{name} is there already; --force")), "{}", said.err);
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), "# mine\n");
        assert_eq!(init(folder.path(), &all, &["--force"]).code, 0);
        assert_ne!(std::fs::read_to_string(&path).expect("there"), "# mine\n");
        assert_eq!(run(folder.path(), &["config", "check"]).0, 0);
    }
}

#[test]
fn init_non_interactive_lists_missing_flags() {
    let case = &cases()[7];
    let all = flags(case, RegistryKind::Pypi);
    let without = |flag: &str, value: &str| -> Vec<String> {
        let at = all.windows(2).position(|pair| pair[0] == flag && pair[1].starts_with(value)).expect(flag);
        [&all[..at], &all[at + 2..]].concat()
    };
    for (flag, value, missed) in [
        ("--public-url", "", "--public-url"),
        ("--issuer", "", "--issuer"),
        ("--registry", "", "--registry"),
        ("--host", "", "--host"),
        ("--package", "", "--package"),
        ("--claim", "repository_id", "--claim repository_id=…"),
        ("--claim", "repository_owner_id", "--claim repository_owner_id=…"),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let said = init(folder.path(), &without(flag, value), &[]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{flag}: {}", said.err);
        assert!(said.err.contains(missed) && said.err.contains("must be given"), "{flag}: {}", said.err);
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0, "{flag}");
    }
    // Azure's tokens have no audience but everyone's: that is nothing to be assumed.
    let azure = cases().into_iter().find(|case| case.kind == "azure-devops").expect("there");
    let mut unsaid = flags(&azure, RegistryKind::Pypi);
    assert_eq!(unsaid.pop().as_deref(), Some("--accept-shared-audience"));
    let folder = tempfile::tempdir().expect("folder");
    let said = init(folder.path(), &unsaid, &[]);
    assert!(said.code == 2 && said.err.contains("--accept-shared-audience"), "{}", said.err);
}

#[test]
fn init_rejects_wrong_answers_and_writes_nothing() {
    let all = flags(&cases()[7], RegistryKind::Pypi);
    for (flag, old, new, said_so) in [
        ("--public-url", "https", "http://publish.example.com", "must be https"),
        ("--public-url", "https", "publish", "relative URL"),
        ("--issuer", "github", "gitea", "known kinds are github"),
        (
            "--issuer-url",
            "https",
            "https://token.actions.githubusercontent.com/a/b",
            "an enterprise's issuer",
        ),
        ("--registry", "pypi", "maven", "known kinds are pypi"),
        ("--host", "packages", "https://packages.example.com", "without scheme"),
        ("--package", "widget", "a/b", "a PyPI name has"),
        ("--claim", "repository_id", "repository_id=acme", "`repository_id` is a number"),
        ("--claim", "repository_id", "repository_id", "write NAME=VALUE"),
        ("--claim", "workflow_file", "workflow_file=*", "give one value"),
        ("--claim", "workflow_file", "workflow=Release", "neither pins it"),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let mut flags = all.clone();
        let at = flags.windows(2).position(|pair| pair[0] == flag && pair[1].starts_with(old)).expect(flag);
        new.clone_into(&mut flags[at + 1]);
        let said = init(folder.path(), &flags, &[]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{flag} {new}: {}", said.err);
        assert!(said.err.contains(said_so), "{flag} {new}: {}", said.err);
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0, "{flag} {new}");
    }
    let folder = tempfile::tempdir().expect("folder");
    let said = init(folder.path(), &all, &["site", "--store", "redis://:secret@redis"]);
    assert!(said.code == 2 && said.err.contains("password"), "{}", said.err);
    assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0);
    let said = init(folder.path(), &all, &["--store", "redis://redis:6379/0"]);
    assert_eq!(said.code, 0, "{}", said.err);
}
