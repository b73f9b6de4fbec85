//! `docs/quick-start.md`, line for line, as a newcomer types it: from nothing to a package that a stock
//! `uv publish` has put into a private index.
//!
//! It has a network namespace of its own, where its ports are free and nothing but loopback is there. All
//! that is not run is the build, for which the binary under test stands.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use trustmint_tests::broker::binary;
use trustmint_tests::programs::tool;

/// The longest that the commands may take. The page promises five minutes, and a person reads and types meanwhile.
const DEADLINE: Duration = Duration::from_secs(180);

/// The blocks of the page that a shell runs.
fn script() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/quick-start.md");
    let page = std::fs::read_to_string(path).expect("the quick start");
    let blocks: Vec<_> =
        page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or("")).collect();
    assert!(blocks.len() >= 6, "{blocks:?}");
    format!("set -euo pipefail\nip link set lo up\n{}", blocks.join("\n"))
}

fn program(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a program");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// As root as it is; others get the right to a namespace of their own with their own name.
fn unshare() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--pid", "--fork", "--kill-child"]);
    let id = Command::new("id").arg("-u").output().expect("id");
    if id.stdout != b"0\n" {
        unshare.args(["--map-current-user", "--keep-caps"]);
    }
    unshare
}

#[test]
fn quick_start_publishes_a_package() {
    // A clone, as far as the page looks into it.
    let clone = tempfile::tempdir().expect("folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    symlink(root.join("examples"), clone.path().join("examples")).expect("a link");
    std::fs::create_dir_all(clone.path().join("target/release")).expect("folder");
    symlink(std::path::absolute(binary()).expect("a path"), clone.path().join("target/release/trustmint"))
        .expect("a link");
    let programs = clone.path().join("programs");
    std::fs::create_dir(&programs).expect("folder");
    program(&programs.join("cargo"), "#!/bin/sh\n[ \"$*\" = 'build --release' ]\n");
    symlink(tool("uv"), programs.join("uv")).expect("a link");
    symlink(tool("pypi-server"), programs.join("pypi-server")).expect("a link");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("PATH"));

    let began = Instant::now();
    let output = unshare()
        .args(["timeout", "300", "bash", "-c", &script()])
        .current_dir(clone.path())
        .env_clear()
        .env("PATH", path)
        .envs(["HOME", "TMPDIR"].map(|name| (name, clone.path())))
        .env("UV_NO_CONFIG", "1")
        .output()
        .expect("unshare");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let folder = clone.path().join("quickstart");
    let logs = ["demo.log", "serve.log", "index.log", "nginx.log"]
        .map(|name| std::fs::read_to_string(folder.join(name)).unwrap_or_default());
    assert!(output.status.success(), "{shown}\n{said}\n{}", logs.join("\n"));
    for part in ["sampleproject-0.1.0-py3-none-any.whl", "\"outcome\":\"minted\"", "refused, as it should be"]
    {
        assert!(shown.contains(part), "no {part} in\n{shown}\n{said}");
    }
    assert!(said.contains("claim_mismatch") && said.contains("staging"), "{said}");
    for name in ["sampleproject-0.1.0-py3-none-any.whl", "sampleproject-0.1.0.tar.gz"] {
        let (built, stored) = (folder.join("dist").join(name), folder.join("packages").join(name));
        assert_eq!(std::fs::read(built).expect("built"), std::fs::read(stored).expect("stored"), "{name}");
    }
    let left =
        std::fs::read_dir(clone.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("trustmint-demo-")).collect();
    assert!(left.is_empty(), "the demo leaves {left:?} behind");
    assert!(began.elapsed() < DEADLINE, "it took {:?}", began.elapsed());
}
