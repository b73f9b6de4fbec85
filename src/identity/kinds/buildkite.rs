//! Buildkite.
//!
//! Source: Buildkite's documentation of `buildkite-agent oidc request-token`. The ids are signed only
//! where the job asks for them, and `sub` is made of slugs, or of whatever `--subject-claim` names.

use super::{
    Advice, Claims, Derived, Events, Kind, RequestedScope, Sample, Shape, Write, is_on_host, no_path, origin,
    run_url,
};
use crate::toml_reader::Code;

pub(super) const KIND: Kind = Kind {
    name: "buildkite",
    default_url: Some("https://agent.buildkite.com"),
    owns_url: |url| is_on_host(url, "agent.buildkite.com"),
    check_url: |url| no_path(url, "agent.buildkite.com", "the issuer is https://agent.buildkite.com"),
    pins: &["organization_id", "pipeline_id"],
    missing_pin_hint: Some(
        "ask for both ids with `buildkite-agent oidc request-token --claim organization_id --claim pipeline_id`",
    ),
    vocabulary: &[
        "agent_id",
        "aud",
        "build_branch",
        "build_commit",
        "build_id",
        "build_number",
        "build_source",
        "build_tag",
        "cluster_id",
        "cluster_name",
        "exp",
        "iat",
        "iss",
        "job_id",
        "jti",
        "nbf",
        "organization_id",
        "organization_slug",
        "pipeline_id",
        "pipeline_slug",
        "queue_id",
        "queue_key",
        "runner_environment",
        "step_key",
        "sub",
    ],
    vocabulary_prefixes: &["agent_tag:"],
    derived: &[Derived { name: origin::CLAIM, compute: code_origin }],
    samples: &[Sample {
        name: origin::CLAIM,
        from: "build_branch",
        write: Write::Values(&[
            (origin::UNSTATED, Some("main")),
            (origin::FORK, Some("mallory:main")),
            (origin::PULL_REQUEST, Some("pull/1/head")),
        ]),
    }],
    recommended: &[
        ("build_branch", "only what is merged to this branch"),
        ("step_key", "only this step of the pipeline"),
    ],
    run_claim: Some("build_number"),
    run_url: run_url::buildkite,
    repository: &["pipeline_id", "pipeline_slug"],
    events: &[Events {
        claim: origin::CLAIM,
        default: &[origin::UNSTATED],
        never: &[origin::FORK, origin::PULL_REQUEST],
        advice: "merge the change, and publish from a build of the repository's own branch or tag",
    }],
    max_age: 600,
    shapes: &[
        ("agent_id", Shape::Uuid),
        ("build_id", Shape::Uuid),
        ("build_number", Shape::Number),
        ("cluster_id", Shape::Uuid),
        ("job_id", Shape::Uuid),
        ("organization_id", Shape::Uuid),
        ("pipeline_id", Shape::Uuid),
        ("queue_id", Shape::Uuid),
    ],
    advice: &[Advice {
        code: Code::AnyRun,
        on: None,
        wants: &[
            RequestedScope::Any("agent_id"),
            RequestedScope::Any("build_branch"),
            RequestedScope::Any("build_tag"),
            RequestedScope::Any("cluster_id"),
            RequestedScope::Any("queue_id"),
            RequestedScope::Any("queue_key"),
            RequestedScope::Any("step_key"),
        ],
        message: "every build of the pipeline may publish, whatever its branch",
        help: "fix the `build_branch`, or the cluster or queue that only releases use",
    }],
    ..Kind::UNKNOWN
};

/// Whose code runs, as far as the branch tells. A third-party fork's is written `owner:branch`, which
/// git allows for no branch; a pull request's ref may be named as such. That neither is so proves
/// nothing, hence never "own".
fn code_origin(claims: &Claims) -> Option<String> {
    let branch = claims.text("build_branch").filter(|branch| !branch.is_empty())?;
    let origin = match branch.strip_prefix("refs/").unwrap_or(branch) {
        _ if branch.contains(':') => origin::FORK,
        name if name.starts_with("pull/") => origin::PULL_REQUEST,
        _ => origin::UNSTATED,
    };
    Some(origin.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forks_branch_names_its_owner() {
        let origin = |branch: &str| {
            let json = format!(r#"{{"build_branch":{branch}}}"#);
            code_origin(&Claims::parse(json.as_bytes()).expect("valid"))
        };
        for (branch, expected) in [
            (r#""main""#, Some("unstated")),
            (r#""feature/pull/3""#, Some("unstated")),
            (r#""mallory:main""#, Some("fork")),
            (r#""pull/3/head""#, Some("pull-request")),
            (r#""refs/pull/3/head""#, Some("pull-request")),
            (r#""""#, None),
            ("null", None),
            ("5", None),
        ] {
            assert_eq!(origin(branch).as_deref(), expected, "{branch}");
        }
    }
}
