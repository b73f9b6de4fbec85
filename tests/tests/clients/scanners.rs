//! Secret scanners find the tokens of every registry by the rules that `trustmint token rules` prints.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use trustmint_tests::broker::{AUDIENCE, ID_TOKEN, POLICY, TOKEN_EXCHANGE, run, sha256_hex};
use trustmint_tests::programs::tool;
use trustmint_tests::{BrokerProcess, Issuer, Setup};

/// A second registry, with capitals in its prefix.
const SECOND: &str =
    "\n[registries.more-art]\nkind = \"generic\"\naudiences = [\"art\"]\ntoken_prefix = \"Art2_\"\n";

/// A broker with two registries, and three tokens of each.
async fn stage() -> (BrokerProcess, Vec<String>) {
    let issuer = Issuer::start().await;
    let mut setup = Setup::new(&issuer);
    setup.registries.push_str(SECOND);
    setup.registries =
        setup.registries.replace("kind = \"pypi\"\n", "kind = \"pypi\"\nhosts = [\"pypi.example.com\"]\n");
    let of_second =
        POLICY.replace("registry = \"pypi\"", "registry = \"more-art\"").replace("widget-release", "art");
    setup.policies.push(("art.toml".to_owned(), of_second));
    let broker = setup.start().await;
    let mut tokens = Vec::new();
    for audience in [AUDIENCE, "art", AUDIENCE, "art", AUDIENCE, "art"] {
        let id_token = issuer.id_token(audience);
        let form = [
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token_type", ID_TOKEN),
            ("subject_token", &id_token),
            ("audience", audience),
        ];
        tokens.push(broker.post_form("/oauth/token", &form).await.token());
    }
    (broker, tokens)
}

/// A repository into which the tokens leaked, each in another way.
fn leak(tokens: &[String]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let [a, b, c, d, e, f] = tokens else { panic!("six tokens") };
    for (name, text) in [
        (".npmrc", format!("//npm.example.com/:_authToken={a}\n")),
        ("ci.yml", format!("env:\n  TOKEN: \"{b}\"\n")),
        ("settings.json", format!("{{\"password\":\"{c}\",\"n\":1}}\n")),
        ("build.log", format!("+ curl -H 'Authorization: Bearer {d}' https://x.example\nexit 0\n")),
        ("notes.md", format!("see https://__token__:{e}@pypi.example.com/legacy/ for it\n")),
        ("lib.py", format!("login(token='{f}')  # remove me\n")),
    ] {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

/// What is printed for a scanner, in a file of this name.
fn rules(broker: &BrokerProcess, scanner: &str, name: &str) -> (tempfile::TempDir, PathBuf) {
    let (code, text, errors) = run(broker.folder.path(), &["token", "rules", "--format", scanner]);
    assert_eq!(code, 0, "{errors}");
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    (folder, path)
}

/// The sources of every dependency: a large tree without any of our tokens.
fn large_tree() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    home.expect("a home").join("registry").join("src")
}

fn gitleaks(rules: &Path, tree: &Path) -> BTreeSet<String> {
    let report = rules.with_extension("report");
    let mut command = Command::new(tool("gitleaks"));
    command.args([
        "dir",
        "--no-banner",
        "--exit-code",
        "0",
        "--report-format",
        "json",
        "--log-level",
        "error",
    ]);
    command.arg("--config").arg(rules).arg("--report-path").arg(&report).arg(tree);
    assert!(command.status().expect("gitleaks").success());
    let found: Vec<Value> =
        serde_json::from_slice(&std::fs::read(&report).expect("a report")).expect("a list");
    found.iter().map(|finding| finding["Secret"].as_str().expect("a secret").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn gitleaks_finds_exactly_the_tokens() {
    let (broker, tokens) = stage().await;
    let repository = leak(&tokens);
    for format in ["gitleaks", "gitlab"] {
        let (_kept, rules) = rules(&broker, format, "rules.toml");
        assert_eq!(gitleaks(&rules, repository.path()), tokens.iter().cloned().collect(), "{format}");
    }
    let (_kept, rules) = rules(&broker, "gitleaks", "rules.toml");
    assert_eq!(gitleaks(&rules, &large_tree()), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn detect_secrets_finds_exactly_the_tokens() {
    let (broker, tokens) = stage().await;
    let repository = leak(&tokens);
    let (_kept, plugin) = rules(&broker, "detect-secrets", "trustmint.py");
    let found = |tree: &Path| -> BTreeSet<String> {
        let mut command = Command::new(tool("detect-secrets"));
        command
            .args(["scan", "--all-files", "--no-verify", "--plugin"])
            .arg(&plugin)
            .arg(".")
            .current_dir(tree);
        let output = command.output().expect("detect-secrets");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a baseline");
        let files = report["results"].as_object().expect("results").values();
        let findings = files.flat_map(|findings| findings.as_array().expect("a list"));
        let ours = findings
            .filter(|finding| finding["type"].as_str().is_some_and(|t| t.starts_with("Publishing token of")));
        ours.map(|finding| finding["hashed_secret"].as_str().expect("a hash").to_owned()).collect()
    };
    assert_eq!(found(repository.path()).len(), tokens.len());
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").join("src");
    assert_eq!(found(&sources), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn token_inspect_does_not_print_the_token() {
    let (broker, tokens) = stage().await;
    let folder = broker.folder.path();
    let mut slip = tokens[0].clone();
    slip.replace_range(slip.len() - 1.., if slip.ends_with('0') { "1" } else { "0" });
    std::fs::write(folder.join("found.txt"), format!("{}\n\n{slip}\nnonsense\n", tokens[1]))
        .expect("written");
    let (code, shown, errors) = run(folder, &["token", "inspect", "found.txt"]);
    assert_eq!((code, errors.as_str()), (1, ""), "two of the three are not tokens");
    let lines: Vec<_> = shown.lines().collect();
    let hash = sha256_hex(&tokens[1]);
    let expected = format!(
        "1: a token of registry \"more-art\": prefix \"Art2_\", the checksum is right, token_id {}, SHA-256 {hash}",
        &hash[..32]
    );
    assert_eq!(lines[0], expected);
    assert_eq!(
        lines[1],
        "3: prefix \"exm_pypi_\" of registry \"pypi\", but length, alphabet or checksum are wrong"
    );
    assert_eq!(lines[2], "4: no prefix of a configured registry");
    for token in tokens.iter().chain([&slip]) {
        assert!(!shown.contains(&token[9..]), "{shown}");
    }
    std::fs::write(folder.join("found.txt"), &tokens[0]).expect("written");
    assert_eq!(run(folder, &["token", "inspect", "found.txt"]).0, 0);
    assert_eq!(run(folder, &["token", "inspect"]).0, 2, "nothing on standard input");
}
