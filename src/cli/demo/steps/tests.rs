//! The whole play, and the lines for copying, against the real broker.

use std::process::Command;
use std::sync::{Arc, Mutex};

use super::*;
use crate::cli::demo::invitation;

async fn stage() -> Stage {
    crate::tls::install_default_provider();
    Stage::start().await.expect("started")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_ends_as_expected() {
    let stage = stage().await;
    let story = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&story);
    let out = Narrator::plain(move |line| lines.lock().expect("alone").push(line.to_owned()));
    let mut play = Play { stage: &stage, out: &out, answers: 0, secrets: Vec::new() };
    play.all().await.expect("as expected");
    assert!(play.answers > 12, "{}", play.answers);
    let story = story.lock().expect("alone").join("\n");
    for line in story.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    for token in &play.secrets {
        assert!(!story.contains(token), "a whole token is told");
    }

    let script = invitation::lines(&stage);
    for line in script.lines() {
        assert!(line.len() <= 97 || line.contains("trustmint-demo-"), "{line}");
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "# ,-".contains(letter);
        assert!(!line.starts_with('#') || line.chars().all(plain), "{line}");
    }
    let again = r#"curl -s -u "pypi-backend:$SECRET" "$BROKER/oauth/introspect" -d "token=$TOKEN""#;
    let run = Command::new("sh").args(["-euc", &format!("{script}\n{again}")]).output().expect("a shell");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    for part in [
        "\"access_token\":\"demo_pypi_",
        "\"active\":true",
        "{\"active\":false}",
        "public_url",
        "[[policy]]",
        "\"received\":\"staging\"",
        "\"reason\":\"replayed\"",
        "# EOF",
    ] {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unexpected_response_ends_the_demo() {
    let stage = stage().await;
    let out = Narrator::plain(|_| {});
    let mut play = Play { stage: &stage, out: &out, answers: 0, secrets: Vec::new() };
    let unexpected = play.registry_introspects("demo_pypi_nonsense").await.expect_err("it is not active");
    assert!(unexpected.expected.contains("active=true"), "{unexpected:?}");
    assert!(unexpected.got.starts_with("200  active=false  no scope"), "{unexpected:?}");
    assert_eq!(play.answers, 0);
    stage.stop().await;
}
