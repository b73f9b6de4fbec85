//! A folder with a configuration and policies, and the commands of someone who writes them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::broker::binary;

const CONFIGURATION: &str = r#"
public_url = "https://publish.example.com"
listen = { public = "127.0.0.1:0" }
policies = { path = "policies" }

[issuers.github]
kind = "github"

[issuers.gitlab]
kind = "gitlab"

[issuers.farm]
kind = "oidc"
url = "https://ci.example.com"
pins = ["/job/pool"]

[issuers.cluster]
kind = "kubernetes"
url = "https://kubernetes.default.svc"
allow_private = ["10.0.0.0/8"]

[registries.pypi]
kind = "pypi"
hosts = ["pypi.example.com"]
audiences = ["pypi.example.com"]

[registries.files]
kind = "generic"
audiences = ["files.example.com"]
token_prefix = "exm_files_"
"#;

/// The folder.
pub struct Workbench(TempDir);

/// What a command said.
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }
}

impl Default for Workbench {
    fn default() -> Self {
        let bench = Self(tempfile::tempdir().expect("folder"));
        bench.file("trustmint.toml", CONFIGURATION);
        std::fs::create_dir(bench.path().join("policies")).expect("folder");
        bench
    }
}

impl Workbench {
    /// One with these policies.
    pub fn with_policies(text: &str) -> Self {
        let bench = Self::default();
        bench.file("policies/policies.toml", text);
        bench
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file.
    pub fn file(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(path, text).expect("file");
    }

    /// Runs a command.
    pub fn run(&self, arguments: &[&str]) -> Said {
        run_with_input(self.path(), arguments, "")
    }
}

/// Runs the binary in a folder, with something on its standard input.
pub fn run_with_input(folder: &Path, arguments: &[&str], input: &str) -> Said {
    let mut child = Command::new(binary())
        .args(arguments)
        .current_dir(folder)
        .env_remove("TRUSTMINT_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary under test");
    // Who does not read it has closed it by then.
    let _ = child.stdin.take().expect("stdin").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("ended");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Said {
        code: output.status.code().expect("an exit code"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}
