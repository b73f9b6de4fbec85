//! Buildkite.
//!
//! Source: Buildkite's documentation of `buildkite-agent oidc request-token`. The ids are signed only
//! where the job asks for them, and `sub` is made of slugs, or of whatever `--subject-claim` names.

use super::{
    Advice, Claims, EventRule, Guidance, Kind, Requirement, Synthesizer, UrlRules, claim, derived,
    is_on_host, no_path, origin, run_url,
};
use crate::toml_reader::Code;

pub(super) const KIND: Kind = Kind {
    name: "buildkite",
    urls: UrlRules {
        default: Some("https://agent.buildkite.com"),
        owns: |url| is_on_host(url, "agent.buildkite.com"),
        check: |url| no_path(url, "agent.buildkite.com", "the issuer is https://agent.buildkite.com"),
        ..UrlRules::NONE
    },
    claims: &[
        derived(
            origin::CLAIM,
            code_origin,
            "build_branch",
            Synthesizer::Table(&[
                (origin::UNSTATED, Some("main")),
                (origin::FORK, Some("mallory:main")),
                (origin::PULL_REQUEST, Some("pull/1/head")),
            ]),
        ),
        claim("organization_id").uuid().pin(),
        claim("pipeline_id").uuid().pin().repository(),
        claim("pipeline_slug").repository(),
        claim("build_branch").recommended("only what is merged to this branch"),
        claim("step_key").recommended("only this step of the pipeline"),
        claim("build_number").number().run(),
        claim("agent_id").uuid(),
        claim("aud"),
        claim("build_commit"),
        claim("build_id").uuid(),
        claim("build_source"),
        claim("build_tag"),
        claim("cluster_id").uuid(),
        claim("cluster_name"),
        claim("exp"),
        claim("iat"),
        claim("iss"),
        claim("job_id").uuid(),
        claim("jti"),
        claim("nbf"),
        claim("organization_slug"),
        claim("queue_id").uuid(),
        claim("queue_key"),
        claim("runner_environment"),
        claim("sub"),
    ],
    claim_prefixes: &["agent_tag:"],
    missing_pin_hint: Some(
        "ask for both ids with `buildkite-agent oidc request-token --claim organization_id --claim pipeline_id`",
    ),
    run_url: run_url::buildkite,
    max_age: 600,
    events: &[EventRule {
        claim: origin::CLAIM,
        default: &[origin::UNSTATED],
        forbidden: &[origin::FORK, origin::PULL_REQUEST],
        advice: "merge the change, and publish from a build of the repository's own branch or tag",
        risky: &[],
    }],
    guidance: Guidance {
        advice: &[Advice {
            code: Code::AnyRun,
            on: None,
            requirements: &[
                Requirement::Any("agent_id"),
                Requirement::Any("build_branch"),
                Requirement::Any("build_tag"),
                Requirement::Any("cluster_id"),
                Requirement::Any("queue_id"),
                Requirement::Any("queue_key"),
                Requirement::Any("step_key"),
            ],
            message: "every build of the pipeline may publish, whatever its branch",
            help: "fix the `build_branch`, or the cluster or queue that only releases use",
        }],
        ..Guidance::NONE
    },
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
    fn fork_branch_names_its_owner() {
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
