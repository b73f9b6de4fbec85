//! GitLab CI/CD, gitlab.com and self-managed.
//!
//! Source: GitLab's documentation of ID token payloads. Ids are strings; `exp` is the job's
//! time-out, which is why the default `max_age` is an hour.

use super::{Claim, Claims, Derived, Events, Kind, Sample, split_at_ref, text_or_set};

pub(super) const KIND: Kind = Kind {
    name: "gitlab",
    default_url: Some("https://gitlab.com"),
    owns_url: |url| url.trim_end_matches('/').eq_ignore_ascii_case("https://gitlab.com"),
    pins: &["namespace_id", "project_id"],
    missing_pin_hint: Some("is this a GitLab CI job's `id_tokens`?"),
    vocabulary: &[
        "aud",
        "ci_config_ref_uri",
        "ci_config_sha",
        "deployment_tier",
        "environment",
        "environment_action",
        "environment_protected",
        "exp",
        "groups_direct",
        "iat",
        "iss",
        "job_id",
        "job_namespace_id",
        "job_namespace_path",
        "job_project_id",
        "job_project_path",
        "jti",
        "namespace_id",
        "namespace_path",
        "nbf",
        "pipeline_id",
        "pipeline_source",
        "project_id",
        "project_path",
        "project_visibility",
        "ref",
        "ref_path",
        "ref_protected",
        "ref_type",
        "runner_environment",
        "runner_id",
        "sha",
        "sub",
        "user_access_level",
        "user_email",
        "user_id",
        "user_identities",
        "user_login",
    ],
    derived: &[Derived { name: "config_file", compute: config_file }],
    samples: &[Sample { name: "config_file", from: "ci_config_ref_uri", write: write_config_file }],
    recommended: &[
        ("config_file", "the project's own configuration, not an included or remote one"),
        ("environment", "its protection rules guard every publish"),
        ("ref_type", "tags and branches are protected by rules of their own"),
        ("ref_protected", "only those whom the project's rules allow can push there"),
        ("ref_path", "only what was tagged or merged so"),
    ],
    caseless: &["namespace_path", "project_path", "job_namespace_path", "job_project_path"],
    run_claim: Some("pipeline_id"),
    repository: &["project_id", "project_path"],
    events: &[Events {
        claim: "pipeline_source",
        default: &["push", "web", "schedule", "pipeline", "parent_pipeline"],
        never: &["merge_request_event", "external_pull_request_event", "trigger", "api", "chat"],
        advice: "run the job in a pipeline for a protected branch or tag",
    }],
    ..Kind::UNKNOWN
};

/// The CI configuration file, if it is this project's own: `host/group/project//file@ref`.
fn config_file(claims: &Claims) -> Option<String> {
    let (place, rest) = claims.text("ci_config_ref_uri")?.split_once("//")?;
    let (file, _) = split_at_ref(rest)?;
    let (_, project) = place.split_once('/')?;
    let own = project.eq_ignore_ascii_case(claims.text("project_path")?);
    (own && !file.is_empty()).then(|| file.to_owned())
}

fn write_config_file(file: &str, claims: &mut Claims) {
    let project = text_or_set(claims, "project_path", "acme/widget");
    let uri = format!("gitlab.example.com/{project}//{file}@refs/heads/main");
    claims.set("ci_config_ref_uri", Claim::Text(uri));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_file_is_the_projects_own() {
        let file = |uri: &str| {
            let json = format!(r#"{{"project_path":"Group/sub/app","ci_config_ref_uri":"{uri}"}}"#);
            config_file(&Claims::parse(json.as_bytes()).expect("valid"))
        };
        assert_eq!(
            file("gitlab.com/group/sub/app//.gitlab-ci.yml@refs/heads/main").as_deref(),
            Some(".gitlab-ci.yml")
        );
        assert_eq!(file("gitlab.com/group/other//.gitlab-ci.yml@refs/heads/main"), None);
        assert_eq!(file("gitlab.com/group/sub/app//@refs/heads/main"), None);
        assert_eq!(file("gitlab.com/group/sub/app"), None);
    }
}
