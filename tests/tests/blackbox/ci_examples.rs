//! The action of `examples/github-actions`, run as a runner runs it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use trustmint_tests::broker::{AUDIENCE, CLIENT};
use trustmint_tests::{BrokerProcess, Issuer, Setup};

const SCRIPT: &str = "../examples/github-actions/with-registry-token/with-registry-token";

async fn stage() -> (Issuer, BrokerProcess) {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    issuer.serve_ambient(trustmint_tests::github(&issuer.url, AUDIENCE));
    (issuer, broker)
}

/// Runs the action's script with a command, which sees the broker and the registry's client.
async fn act(issuer: &Issuer, broker: &BrokerProcess, environment: &[(&str, &str)], command: &str) -> Output {
    let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT));
    script
        .env("CURL_CA_BUNDLE", broker.folder.path().join("issuer-ca.pem"))
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/token?api-version=2.0", issuer.url))
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token")
        .env("CLIENT", format!("{}:{}", CLIENT.0, CLIENT.1))
        .env("BROKER", &broker.public)
        .env("AUDIENCE", AUDIENCE)
        .env("COMMAND", command)
        .current_dir(broker.folder.path())
        .envs(environment.iter().copied());
    // The issuer answers from this very process.
    tokio::task::spawn_blocking(move || script.output().expect("the script")).await.expect("it ended")
}

/// What the command leaves behind: the token, and what introspection says while it runs.
const LOOK: &str = r#"printf %s "$REGISTRY_TOKEN" > token
curl --silent --user "$CLIENT" --data-urlencode "token=$REGISTRY_TOKEN" "$BROKER/oauth/introspect" > seen
env > environment"#;

fn left(broker: &BrokerProcess, name: &str) -> String {
    std::fs::read_to_string(broker.folder.path().join(name)).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn action_revokes_the_token_after_the_command() {
    let (issuer, broker) = stage().await;
    for (command, code) in [(LOOK.to_owned(), 0), (format!("{LOOK}\nexit 7"), 7)] {
        issuer.serve_ambient(trustmint_tests::github(&issuer.url, AUDIENCE));
        let output = act(&issuer, &broker, &[("SCOPE", "package:widget:publish")], &command).await;
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let token = left(&broker, "token");
        let seen: serde_json::Value = serde_json::from_str(&left(&broker, "seen")).expect("JSON");
        assert_eq!(seen["active"], true, "{seen}");
        assert_eq!(seen["scope"], "package:widget:publish");
        assert!(!broker.is_active(&token).await, "revoked, however the command ended");
        assert!(!left(&broker, "environment").contains("ACTIONS_ID_TOKEN"), "the command gets no identity");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        for line in printed.lines().filter(|line| line.contains(&token)) {
            assert_eq!(line, format!("::add-mask::{token}"), "the runner hides it from then on");
        }
        assert!(printed.contains(&token), "it is masked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_fails_the_job_with_its_reason() {
    let (issuer, broker) = stage().await;
    for (environment, why) in [
        (("SCOPE", "package:gadget:publish"), "do not cover"),
        (("AUDIENCE", "elsewhere"), "name a registry"),
        (("ACTIONS_ID_TOKEN_REQUEST_URL", ""), "id-token: write"),
    ] {
        let output = act(&issuer, &broker, &[environment], LOOK).await;
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("::error::") && errors.contains(why), "{errors}");
        assert_eq!(left(&broker, "token"), "", "the command never ran");
    }
    let denied = json!({ "environment": "staging" });
    issuer.serve_ambient(trustmint_tests::issuer::changed(
        trustmint_tests::github(&issuer.url, AUDIENCE),
        &denied,
    ));
    let output = act(&issuer, &broker, &[], LOOK).await;
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(errors.contains("claim `environment` does not match"), "{errors}");
}
