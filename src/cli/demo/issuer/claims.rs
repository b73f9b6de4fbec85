//! What GitHub Actions signs about a job that publishes a tag.

use serde_json::{Value, json};

use super::super::files::{OWNER_ID, REPOSITORY_ID, WORKFLOW_FILE};

const OWNER: &str = "acme";
const REPOSITORY: &str = "acme/sampleproject";
const REF: &str = "refs/tags/v1.4.0";
const SHA: &str = "7f3c1de0a94b52c8e6d10b7a3f5e92c4d8061b2a";

/// The complete claims; ids are strings, as GitHub writes them, and `sub` is in the immutable form.
pub(super) fn of_job(
    issuer: &str,
    audience: Option<&str>,
    environment: &str,
    now: u64,
    token_id: String,
) -> Value {
    let workflow = format!("{REPOSITORY}/.github/workflows/{WORKFLOW_FILE}@{REF}");
    json!({
        "iss": issuer,
        "aud": audience.unwrap_or("https://github.com/acme"),
        "sub": format!("repo:{OWNER}@{OWNER_ID}/sampleproject@{REPOSITORY_ID}:environment:{environment}"),
        "jti": token_id,
        "iat": now,
        "nbf": now.saturating_sub(600),
        "exp": now + 300,
        "actor": "alice",
        "actor_id": "1024025",
        "base_ref": "",
        "check_run_id": "37491526208",
        "environment": environment,
        "environment_node_id": "EN_kwDOAt5Xm84Aq0Zd",
        "event_name": "push",
        "head_ref": "",
        "job_workflow_ref": workflow,
        "job_workflow_sha": SHA,
        "ref": REF,
        "ref_protected": "true",
        "ref_type": "tag",
        "repository": REPOSITORY,
        "repository_id": REPOSITORY_ID,
        "repository_owner": OWNER,
        "repository_owner_id": OWNER_ID,
        "repository_visibility": "public",
        "run_attempt": "1",
        "run_id": "13302468135",
        "run_number": "42",
        "runner_environment": "github-hosted",
        "sha": SHA,
        "workflow": "Release",
        "workflow_ref": workflow,
        "workflow_sha": SHA,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Kind;

    #[test]
    fn demo_claims_are_in_the_kind_vocabulary() {
        let kind = Kind::by_name("github").expect("known");
        let claims = of_job("https://issuer.example", None, "pypi", 1_900_000_000, "id".into());
        for (name, value) in claims.as_object().expect("an object") {
            assert!(kind.knows(name), "{name}");
            let time = ["iat", "nbf", "exp"].contains(&name.as_str());
            assert!(if time { value.is_u64() } else { value.is_string() }, "{name}");
        }
        let optional = ["enterprise", "enterprise_id", "issuer_scope"];
        for name in kind.signed().filter(|name| !optional.contains(name)) {
            assert!(claims.get(name).is_some(), "{name}");
        }
    }
}
