//! Claims in the shape that GitHub signs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The present, in seconds.
#[allow(clippy::disallowed_methods, reason = "tests have no clock to inject into the real binary")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A value that no other call in this process returned.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What a release job of `acme/widget` gets from GitHub, for this audience.
///
/// `iat` is two seconds ahead, well within the leeway: a store that was born a moment ago refuses
/// older tokens (`store_reset`), and waiting for the second to pass would be a sleep.
pub fn github(issuer: &str, audience: &str) -> Value {
    let (now, unique) = (now(), unique());
    json!({
        "iss": issuer,
        "aud": audience,
        "sub": "repo:acme/widget:environment:pypi",
        "jti": format!("jti-{}-{unique}", std::process::id()),
        "iat": now + 2,
        "nbf": now - 300,
        "exp": now + 302,
        "actor": "octocat",
        "actor_id": "583231",
        "base_ref": "",
        "environment": "pypi",
        "event_name": "push",
        "head_ref": "",
        "job_workflow_ref": "acme/widget/.github/workflows/release.yml@refs/tags/v1.2.3",
        "job_workflow_sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        "ref": "refs/tags/v1.2.3",
        "ref_protected": "true",
        "ref_type": "tag",
        "repository": "acme/widget",
        "repository_id": "48124571",
        "repository_owner": "acme",
        "repository_owner_id": "9100048",
        "repository_visibility": "private",
        "run_attempt": "1",
        "run_id": format!("{}", 7_000_000_000_u64 + unique),
        "run_number": "17",
        "runner_environment": "github-hosted",
        "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        "workflow": "Release",
        "workflow_ref": "acme/widget/.github/workflows/release.yml@refs/tags/v1.2.3",
        "workflow_sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    })
}
