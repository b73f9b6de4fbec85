//! GitLab CI/CD, gitlab.com and self-managed.
//!
//! Source: GitLab's documentation of ID token payloads, and its issues 561735 and 563038 about merge
//! requests from forks. Ids are strings; `exp` is the job's time-out, which is why the default
//! `max_age` is an hour.

use super::{
    Advice, Claim, Claims, Derived, Events, IDS_PER_INSTANCE, Kind, RequestedScope, Sample, Shape, Stated,
    Write, is_on_host, no_path, origin, run_url, split_at_ref, stated, text_or_set,
};
use crate::toml_reader::Code;

pub(super) const KIND: Kind = Kind {
    name: "gitlab",
    default_url: Some("https://gitlab.com"),
    owns_url: |url| is_on_host(url, "gitlab.com"),
    check_url: |url| no_path(url, "gitlab.com", "the issuer is https://gitlab.com, whatever the group"),
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
        "job_policy_ref_sha",
        "job_policy_ref_uri",
        "job_project_id",
        "job_project_path",
        "job_source",
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
        "source_namespace_id",
        "source_namespace_path",
        "source_project_id",
        "source_project_path",
        "sub",
        "user_access_level",
        "user_email",
        "user_id",
        "user_identities",
        "user_login",
    ],
    derived: &[
        Derived { name: origin::CLAIM, compute: code_origin },
        Derived { name: "config_file", compute: config_file },
    ],
    samples: &[
        Sample { name: origin::CLAIM, from: "job_project_id", write: Write::With(write_code_origin) },
        Sample { name: "config_file", from: "ci_config_ref_uri", write: Write::With(write_config_file) },
    ],
    recommended: &[
        ("config_file", "the project's own configuration, not an included or remote one"),
        ("environment", "its protection rules guard every publish"),
        ("ref_type", "tags and branches are protected by rules of their own"),
        ("ref_protected", "only those whom the project's rules allow can push there"),
        ("ref_path", "only what was tagged or merged so"),
    ],
    case_insensitive: &[
        "namespace_path",
        "project_path",
        "job_namespace_path",
        "job_project_path",
        "source_namespace_path",
        "source_project_path",
    ],
    run_claim: Some("pipeline_id"),
    run_url: run_url::gitlab,
    repository: &["project_id", "project_path"],
    events: &[
        Events {
            claim: "pipeline_source",
            default: &["push", "web", "schedule", "pipeline", "parent_pipeline"],
            never: &["merge_request_event", "external_pull_request_event", "trigger", "api", "chat"],
            advice: "run the job in a pipeline for a protected branch or tag",
        },
        Events {
            claim: origin::CLAIM,
            default: &[origin::OWN, origin::UNSTATED],
            never: &[origin::FORK],
            advice: "merge the fork's change, and publish from the project's own branch or tag",
        },
    ],
    shapes: &[
        ("environment_protected", Shape::Flag),
        ("job_id", Shape::Number),
        ("job_namespace_id", Shape::Number),
        ("job_project_id", Shape::Number),
        ("namespace_id", Shape::Number),
        ("pipeline_id", Shape::Number),
        ("project_id", Shape::Number),
        ("project_visibility", Shape::OneOf(&["public", "private", "internal"])),
        ("ref_protected", Shape::Flag),
        ("ref_type", Shape::OneOf(&["branch", "tag"])),
        ("runner_environment", Shape::OneOf(&["gitlab-hosted", "self-hosted"])),
        ("runner_id", Shape::Number),
        ("source_namespace_id", Shape::Number),
        ("source_project_id", Shape::Number),
        ("user_id", Shape::Number),
    ],
    advice: ADVICE,
    notes: |url| if is_on_host(url, "gitlab.com") { &[] } else { IDS_PER_INSTANCE },
    ..Kind::UNKNOWN
};

const ADVICE: &[Advice] = &[
    Advice {
        code: Code::AnyRun,
        on: None,
        wants: &[
            RequestedScope::Any("ci_config_ref_uri"),
            RequestedScope::Any("config_file"),
            RequestedScope::Any("deployment_tier"),
            RequestedScope::Any("environment"),
            RequestedScope::Any("ref"),
            RequestedScope::Any("ref_path"),
            RequestedScope::Any("ref_type"),
            RequestedScope::Exactly("ref_protected", "true"),
        ],
        message: "every pipeline on every branch of the project may publish",
        help: "fix the `environment`, or the `ref_path`",
    },
    Advice {
        code: Code::Unprotected,
        on: None,
        wants: &[
            RequestedScope::Exactly("ref_protected", "true"),
            RequestedScope::Exactly("environment_protected", "true"),
        ],
        message: "whoever may push to an unprotected branch or tag may publish",
        help: "write `ref_protected = \"true\"`",
    },
];

/// Whose code runs where: a merge request's pipeline may run in the target project on the fork's
/// code. `project_id` names one of the two, `job_project_id` the project that runs the job,
/// `source_project_id` the one the code is from; older instances sign neither of these.
fn code_origin(claims: &Claims) -> Option<String> {
    let project = claims.text("project_id")?;
    let mut origin = origin::UNSTATED;
    for other in ["job_project_id", "source_project_id"] {
        match stated(claims, other) {
            Stated::Not => {}
            Stated::As(id) if id == project => origin = origin::OWN,
            Stated::As(_) => return Some(origin::FORK.to_owned()),
            Stated::Unreadably => return None,
        }
    }
    Some(origin.to_owned())
}

/// The CI configuration file, if it is this project's own: `host/group/project//file@ref`.
fn config_file(claims: &Claims) -> Option<String> {
    let (place, rest) = claims.text("ci_config_ref_uri")?.split_once("//")?;
    let (file, _) = split_at_ref(rest)?;
    let (_, project) = place.split_once('/')?;
    let own = project.eq_ignore_ascii_case(claims.text("project_path")?);
    (own && !file.is_empty()).then(|| file.to_owned())
}

fn write_code_origin(origin: &str, claims: &mut Claims) {
    let project = text_or_set(claims, "project_id", "1");
    match origin {
        "own" => claims.set("job_project_id", Claim::Text(project)),
        "fork" => claims.set("job_project_id", Claim::Text(format!("{project}0"))),
        _ => claims.remove_at("job_project_id"),
    }
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
    fn a_forks_code_is_told_whichever_way_round() {
        let origin = |more: &str| {
            let json = format!(r#"{{"project_id":"7"{more}}}"#);
            code_origin(&Claims::parse(json.as_bytes()).expect("valid"))
        };
        for (more, expected) in [
            ("", Some("unstated")),
            (r#","job_project_id":null"#, Some("unstated")),
            (r#","job_project_id":"7""#, Some("own")),
            (r#","job_project_id":7"#, Some("own")),
            (r#","job_project_id":"8""#, Some("fork")),
            (r#","job_project_id":"""#, Some("fork")),
            (r#","job_project_id":"7","source_project_id":"8""#, Some("fork")),
            (r#","job_project_id":"8","source_project_id":"7""#, Some("fork")),
            (r#","job_project_id":["7"]"#, None),
        ] {
            assert_eq!(origin(more).as_deref(), expected, "{more}");
        }
    }

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
