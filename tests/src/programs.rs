//! Programs that are not part of this workspace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Debian packages whose name is not that of the program.
const PACKAGES: [(&str, &str); 2] = [("groff", "groff-base"), ("redis-cli", "redis-tools")];

/// Returns the command that runs a program of the distribution. Panics with the package to install if it is not
/// on the path.
pub fn program(name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let package = PACKAGES.iter().find(|(program, _)| *program == name).map_or(name, |(_, package)| package);
    let is_installed = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    assert!(is_installed, "{name} is not installed. On Debian: apt-get install {package}");
    Command::new(name)
}

/// Returns the path of a program that `scripts/tools` installs at its pinned version, if it has not yet.
pub fn tool(name: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/tools");
    let output = Command::new(script).arg(name).stderr(Stdio::inherit()).output().expect("scripts/tools");
    assert!(output.status.success(), "scripts/tools does not install {name}");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim_end())
}
