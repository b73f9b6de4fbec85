//! What a page of the documentation shows, as an operator types it.

use std::path::Path;
use std::process::Command;

/// Runs a script that stops at the first failure, which there must not be; returns what it says.
pub fn shell(folder: &Path, script: &str, environment: &[(&str, &str)]) -> String {
    let output = Command::new("sh")
        .args(["-euc", script])
        .current_dir(folder)
        .envs(environment.iter().copied())
        .output()
        .expect("a shell");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{script}\n{}", text(&output.stderr));
    text(&output.stdout)
}
