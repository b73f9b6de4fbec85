//! The files that an operator would write: an ordinary configuration and an ordinary trust policy.

use std::net::SocketAddr;

use crate::registry::SecretHash;

/// The configuration; file names in it are relative to its own folder.
pub(super) const CONFIGURATION: &str = "trustmint.toml";
/// The trust policy.
pub(super) const POLICY: &str = "policies/sampleproject.toml";
/// The certificate authority that the issuer's TLS certificate is from.
pub(super) const CA: &str = "ca.pem";
/// The keys of the secret scanner.
pub(super) const SCANNER_KEYS: &str = "scanner-keys.json";
/// The events.
pub(super) const AUDIT: &str = "audit.jsonl";

/// The registry's id.
pub(super) const REGISTRY: &str = "pypi";
/// What an ID token for the registry has as `aud`.
pub(super) const AUDIENCE: &str = "pypi.example.com";
/// What the registry's tokens begin with.
pub(super) const TOKEN_PREFIX: &str = "demo_pypi_";
/// How long they live, in seconds.
pub(super) const TOKEN_TTL: u64 = 900;
/// The registry's own id when it introspects.
pub(super) const CLIENT: &str = "pypi-backend";
/// The package that the policy is about.
pub(super) const PACKAGE: &str = "sampleproject";
/// The policy's id.
pub(super) const POLICY_ID: &str = "sampleproject-release";
/// The policy's environment.
pub(super) const ENVIRONMENT: &str = "pypi";
/// The ids that the policy pins.
pub(super) const OWNER_ID: &str = "9100048";
pub(super) const REPOSITORY_ID: &str = "48124571";
/// The file of the workflow that may publish.
pub(super) const WORKFLOW_FILE: &str = "release.yml";

/// Writes the configuration.
pub(super) fn configuration(public: SocketAddr, issuer_url: &str, secret: SecretHash) -> String {
    format!(
        r#"public_url = "http://{public}"                # the broker's own name; http only on loopback

[listen]
public = "{public}"
ops    = "127.0.0.1:0"

[store]                                         # embedded, one file
path = "trustmint.redb"

[policies]
path = "policies"

[audit]
path = "{AUDIT}"

[issuers.github]
kind = "github"
url  = "{issuer_url}"                # left out in real life: GitHub's own
ca_file = "{CA}"
allow_private = ["127.0.0.0/8"]

[registries.{REGISTRY}]
kind = "pypi"
audiences = ["{AUDIENCE}"]
token_prefix = "{TOKEN_PREFIX}"
token_ttl = "{}m"

[[registries.{REGISTRY}.clients]]
id = "{CLIENT}"
secret_sha256 = ["{}"]

[reporters.github]                              # who may report leaked tokens
kind = "github"
keys_file = "{SCANNER_KEYS}"         # left out in real life: GitHub's own
"#,
        TOKEN_TTL / 60,
        secret.to_hex()
    )
}

/// Writes the trust policy.
pub(super) fn policy() -> String {
    format!(
        r#"[[policy]]
id       = "{POLICY_ID}"
issuer   = "github"
registry = "{REGISTRY}"
packages = ["{PACKAGE}"]
actions  = ["publish"]

[policy.match]                                  # all must hold
repository_owner_id = "{OWNER_ID}"
repository_id       = "{REPOSITORY_ID}"
workflow_file       = "{WORKFLOW_FILE}"
environment         = "{ENVIRONMENT}"
ref                 = {{ glob = "refs/tags/v*" }}

[[policy.deny]]
runner_environment = "self-hosted"

[[policy.test]]
name   = "a branch cannot publish"
claims = {{ ref = "refs/heads/main" }}
expect = "deny"
"#
    )
}
