//! GitLab CI/CD, gitlab.com and self-managed.
//!
//! Source: GitLab's documentation of ID token payloads, and its issues 561735 and 563038 about merge
//! requests from forks. Ids are strings; `exp` is the job's time-out, which is why the default
//! `max_age` is an hour.

use super::{
    Advice, Claim, ClaimState, Claims, EventRule, Guidance, IDS_PER_INSTANCE, Kind, Requirement, Synthesizer,
    UrlRules, claim, claim_state, derived, is_on_host, no_path, origin, run_url, split_at_ref, text_or_set,
};
use crate::toml_reader::Code;

pub(super) const KIND: Kind = Kind {
    name: "gitlab",
    urls: UrlRules {
        default: Some("https://gitlab.com"),
        owns: |url| is_on_host(url, "gitlab.com"),
        check: |url| no_path(url, "gitlab.com", "the issuer is https://gitlab.com, whatever the group"),
        ..UrlRules::NONE
    },
    claims: &[
        derived(origin::CLAIM, code_origin, "job_project_id", Synthesizer::Function(write_code_origin)),
        derived("config_file", config_file, "ci_config_ref_uri", Synthesizer::Function(write_config_file))
            .recommended("the project's own configuration, not an included or remote one"),
        claim("namespace_id").number().pin(),
        claim("project_id").number().pin().repository(),
        claim("project_path").repository().case_insensitive(),
        claim("environment").recommended("its protection rules guard every publish"),
        claim("ref_type")
            .one_of(&["branch", "tag"])
            .recommended("tags and branches are protected by rules of their own"),
        claim("ref_protected").flag().recommended("only those whom the project's rules allow can push there"),
        claim("ref_path").recommended("only what was tagged or merged so"),
        claim("pipeline_id").number().run(),
        claim("aud"),
        claim("ci_config_ref_uri"),
        claim("ci_config_sha"),
        claim("deployment_tier"),
        claim("environment_action"),
        claim("environment_protected").flag(),
        claim("exp"),
        claim("groups_direct"),
        claim("iat"),
        claim("iss"),
        claim("job_id").number(),
        claim("job_namespace_id").number(),
        claim("job_namespace_path").case_insensitive(),
        claim("job_policy_ref_sha"),
        claim("job_policy_ref_uri"),
        claim("job_project_id").number(),
        claim("job_project_path").case_insensitive(),
        claim("job_source"),
        claim("jti"),
        claim("namespace_path").case_insensitive(),
        claim("nbf"),
        claim("pipeline_source"),
        claim("project_visibility").one_of(&["public", "private", "internal"]),
        claim("ref"),
        claim("runner_environment").one_of(&["gitlab-hosted", "self-hosted"]),
        claim("runner_id").number(),
        claim("sha"),
        claim("source_namespace_id").number(),
        claim("source_namespace_path").case_insensitive(),
        claim("source_project_id").number(),
        claim("source_project_path").case_insensitive(),
        claim("sub"),
        claim("user_access_level"),
        claim("user_email"),
        claim("user_id").number(),
        claim("user_identities"),
        claim("user_login"),
    ],
    missing_pin_hint: Some("is this a GitLab CI job's `id_tokens`?"),
    run_url: run_url::gitlab,
    events: &[
        EventRule {
            claim: "pipeline_source",
            default: &["push", "web", "schedule", "pipeline", "parent_pipeline"],
            forbidden: &["merge_request_event", "external_pull_request_event", "trigger", "api", "chat"],
            advice: "run the job in a pipeline for a protected branch or tag",
            risky: &[],
        },
        EventRule {
            claim: origin::CLAIM,
            default: &[origin::OWN, origin::UNSTATED],
            forbidden: &[origin::FORK],
            advice: "merge the fork's change, and publish from the project's own branch or tag",
            risky: &[],
        },
    ],
    guidance: Guidance {
        advice: ADVICE,
        notes: |url| if is_on_host(url, "gitlab.com") { &[] } else { IDS_PER_INSTANCE },
        ..Guidance::NONE
    },
    ..Kind::UNKNOWN
};

const ADVICE: &[Advice] = &[
    Advice {
        code: Code::AnyRun,
        on: None,
        requirements: &[
            Requirement::Any("ci_config_ref_uri"),
            Requirement::Any("config_file"),
            Requirement::Any("deployment_tier"),
            Requirement::Any("environment"),
            Requirement::Any("ref"),
            Requirement::Any("ref_path"),
            Requirement::Any("ref_type"),
            Requirement::Exactly("ref_protected", "true"),
        ],
        message: "every pipeline on every branch of the project may publish",
        help: "fix the `environment`, or the `ref_path`",
    },
    Advice {
        code: Code::Unprotected,
        on: None,
        requirements: &[
            Requirement::Exactly("ref_protected", "true"),
            Requirement::Exactly("environment_protected", "true"),
        ],
        message: "anyone who may push to an unprotected branch or tag may publish",
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
        match claim_state(claims, other) {
            ClaimState::Absent => {}
            ClaimState::Value(id) if id == project => origin = origin::OWN,
            ClaimState::Value(_) => return Some(origin::FORK.to_owned()),
            ClaimState::Invalid => return None,
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
    fn fork_code_is_recognised_in_both_directions() {
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
    fn ci_config_file_belongs_to_the_project() {
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
