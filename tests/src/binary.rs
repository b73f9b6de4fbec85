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

/// Builds the binary in the target folder and the profile of the running test. The package is built alone: together
/// with the tests its dependencies would get their features, and `serde_json` would write members in another order.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the running test");
    // <target>/<profile>/deps/<test>
    let [Some(profile_folder), Some(target)] = [2, 3].map(|levels| test.ancestors().nth(levels)) else {
        panic!("{} is not in a target folder of cargo: set TRUSTMINT_BIN", test.display())
    };
    let profile = match profile_folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args(["build", "--package", "trustmint", "--bin", "trustmint", "--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status();
    assert!(status.expect("cargo").success(), "the binary under test was not built");
    profile_folder.join("trustmint")
}
