//! `trustmint demo --once` shows the product in a minute, and fails at the first unexpected answer.

use trustmint_tests::broker::run;

#[test]
fn demo_shows_job_registry_and_attacker() {
    let folder = tempfile::tempdir().expect("folder");
    let (code, shown, errors) = run(folder.path(), &["demo", "--once"]);
    assert_eq!(code, 0, "{shown}\n{errors}");
    for received in [
        "active=true",
        "reason=replayed",
        "reason=claim_mismatch",
        "reason=not_covered",
        "reason=bad_signature",
        "success=true",
        "{\"active\":false}",
        "label=true_positive",
        "all as expected",
    ] {
        assert!(shown.contains(received), "no {received} in\n{shown}");
    }
    let left = std::fs::read_dir(folder.path()).expect("folder").count();
    assert_eq!(left, 0, "the demo leaves nothing where it was started");
}

#[test]
fn help_is_complete_and_wrong_usage_exits_2() {
    let folder = tempfile::tempdir().expect("folder");
    let (code, help, _) = run(folder.path(), &["--help"]);
    assert_eq!(code, 0);
    for command in
        ["serve", "demo", "init", "config", "policy", "client", "revoke", "suspend", "resume", "completions"]
    {
        assert!(help.contains(&format!("  {command}")), "no {command} in\n{help}");
    }
    assert_eq!(run(folder.path(), &["serv"]).0, 2);
    assert_eq!(run(folder.path(), &["serve", "--config", "nowhere.toml"]).0, 2);
    assert_eq!(run(folder.path(), &["revoke"]).0, 2, "a kill of everything needs a name");
}
