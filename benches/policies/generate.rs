//! Policies and the identities that they are about, by number.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use trustmint::settings::Config;
use trustmint::toml_reader::Source;

use crate::Outcome;

/// How many policies a file has.
const IN_A_FILE: usize = 1_000;

const CONFIGURATION: &str = r#"
public_url = "https://publish.example.com"
listen = { public = "127.0.0.1:0" }
policies = { path = "." }
issuers = { github = { kind = "github" } }
registries = { pypi = { kind = "pypi", audiences = ["pypi.example.com"], token_prefix = "exm_pypi_" } }
"#;

/// A configuration and a folder, which is gone when this is dropped.
pub(crate) struct Stage {
    pub(crate) config: Config,
    folder: PathBuf,
}

impl Stage {
    pub(crate) fn set() -> Outcome<Self> {
        let config = Config::read(&Source::new("trustmint.toml", CONFIGURATION), Path::new("."))
            .map_err(|findings| findings.to_string())?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("policies-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self { config, folder })
    }

    /// Writes so many policies into a folder of their own.
    pub(crate) fn write(&self, policies: usize) -> Outcome<PathBuf> {
        let folder = self.folder.join(policies.to_string());
        fs::create_dir_all(&folder)?;
        for first in (0..policies).step_by(IN_A_FILE) {
            let mut text = String::new();
            for number in first..policies.min(first + IN_A_FILE) {
                write_policy(&mut text, number)?;
            }
            fs::write(folder.join(format!("{first}.toml")), text)?;
        }
        Ok(folder)
    }
}

/// The claims of the identity that a policy is about.
pub(crate) fn payload(number: usize) -> String {
    let (team, repository) = (number / 10, format!("team-{}/package-{number}", number / 10));
    json!({
        "iss": "https://token.actions.githubusercontent.com",
        "sub": format!("repo:{repository}:environment:pypi"),
        "aud": "pypi.example.com",
        "jti": "4bd0e6f2-8a3c-4c39-9c4c-5c3b1e2d7f10",
        "iat": 1_799_999_990,
        "nbf": 1_799_999_690,
        "exp": 1_800_000_590,
        "repository": repository,
        "repository_id": (48_000_000 + number).to_string(),
        "repository_owner": format!("team-{team}"),
        "repository_owner_id": (9_000_000 + team).to_string(),
        "repository_visibility": "public",
        "workflow": "release",
        "workflow_ref": format!("{repository}/.github/workflows/release.yml@refs/tags/v1.2.3"),
        "workflow_sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        "job_workflow_ref": format!("{repository}/.github/workflows/release.yml@refs/tags/v1.2.3"),
        "job_workflow_sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        "event_name": "push",
        "environment": "pypi",
        "ref": "refs/tags/v1.2.3",
        "ref_type": "tag",
        "ref_protected": "true",
        "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        "head_ref": "",
        "base_ref": "",
        "actor": "octocat",
        "actor_id": "583231",
        "runner_environment": "github-hosted",
        "run_id": "7128364511",
        "run_number": "42",
        "run_attempt": "1",
    })
    .to_string()
}

fn write_policy(text: &mut String, number: usize) -> std::fmt::Result {
    write!(
        text,
        r#"
[[policy]]
id       = "package-{number}-release"
issuer   = "github"
registry = "pypi"
packages = ["package-{number}"]
actions  = ["publish"]

[policy.match]
repository_owner_id = "{}"
repository_id       = "{}"
workflow_file       = "release.yml"
environment         = "pypi"
ref                 = {{ glob = "refs/tags/v*" }}

[policy.limits]
token_ttl = "15m"

[[policy.deny]]
runner_environment = "self-hosted"
"#,
        9_000_000 + number / 10,
        48_000_000 + number,
    )
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
