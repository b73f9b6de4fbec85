//! The binary under test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Returns the path of the binary under test: `TRUSTMINT_BIN`, or else what `cargo build` makes of this
/// workspace, once per process.
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("TRUSTMINT_BIN").map_or_else(build, PathBuf::from)).clone()
}

/// Builds the binary in the target folder and the profile of the running test. It also names that test, so that
/// cargo selects the same features of the dependencies and has only the binary left to build.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the running test");
    // <target>/<profile>/deps/<test>-<hash>
    let [_, Some(profile_folder), Some(target)] = [1, 2, 3].map(|levels| test.ancestors().nth(levels)) else {
        panic!("{}: not in a target folder of cargo; set TRUSTMINT_BIN", test.display())
    };
    let name = test.file_name().and_then(|name| name.to_str()?.rsplit_once('-')).expect("a name with a hash").0;
    let profile = match profile_folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "trustmint", "--bin", "trustmint"])
        .args(["--package", "trustmint-tests", "--test", name, "--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status();
    assert!(status.expect("cargo").success(), "the binary under test was not built");
    profile_folder.join("trustmint")
}
