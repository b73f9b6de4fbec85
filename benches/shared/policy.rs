//! The policy that grants what [`id_tokens`](super::id_tokens) ask for.

/// For the issuer with this id.
pub(crate) fn policy(issuer: &str) -> String {
    format!(
        r#"
    [[policy]]
    id = "{issuer}-release"
    issuer = "{issuer}"
    registry = "pypi"
    packages = ["sampleproject"]
    actions = ["publish"]

    [policy.match]
    repository_owner_id = "9100048"
    repository_id = "48124571"
    workflow_file = "release.yml"
    environment = "pypi"
    event_name = ["push", "release"]
    ref = {{ glob = "refs/tags/v*" }}

    [[policy.deny]]
    runner_environment = "self-hosted"
"#
    )
}
