//! CircleCI.
//!
//! Source: CircleCI's "Using OpenID Connect tokens in jobs". One key signs for all organizations: that
//! a token is of an organization is said by its claims only, so `iss` and `org-id` must agree.

use super::{
    Advice, ClaimState, Claims, EventRule, Guidance, Kind, Note, Requirement, Synthesizer, UrlRules, claim,
    claim_state, contradiction, derived, host_of, is_on_host, is_uuid, origin, path_segments,
};
use crate::denial::Denial;
use crate::toml_reader::Code;

const ORGANIZATION: &str = "oidc.circleci.com/org-id";
const REF: &str = "oidc.circleci.com/vcs-ref";
const SSH_RERUN: &str = "oidc.circleci.com/ssh-rerun";

pub(super) const KIND: Kind = Kind {
    name: "circleci",
    urls: UrlRules {
        owns: |url| is_on_host(url, "oidc.circleci.com"),
        check: |url| match path_segments(url)[..] {
            ["org", id] if is_uuid(id) => Ok(()),
            _ if host_of(url) == "oidc.circleci.com" => {
                Err("an organization's issuer is https://oidc.circleci.com/org/UUID, in lower case")
            }
            _ => Ok(()),
        },
        ..UrlRules::NONE
    },
    claims: &[
        derived(
            origin::CLAIM,
            code_origin,
            REF,
            Synthesizer::Table(&[
                (origin::OWN, Some("refs/heads/main")),
                (origin::PULL_REQUEST, Some("refs/pull/1/head")),
                ("unstated", None),
            ]),
        ),
        derived(
            "rerun",
            rerun,
            SSH_RERUN,
            Synthesizer::Table(&[("no", Some("false")), ("ssh", Some("true")), ("unstated", None)]),
        ),
        claim(ORGANIZATION).uuid().pin(),
        claim("oidc.circleci.com/project-id").uuid().pin().repository(),
        claim("oidc.circleci.com/pipeline-definition-id")
            .uuid()
            .recommended("only this pipeline of the project"),
        claim(REF).recommended("only what was tagged or merged so"),
        claim("oidc.circleci.com/pipeline-id").uuid().run(),
        claim("aud"),
        claim("exp"),
        claim("iat"),
        claim("iss"),
        claim("oidc.circleci.com/context-ids"),
        claim("oidc.circleci.com/job-id").uuid(),
        claim(SSH_RERUN).flag(),
        claim("oidc.circleci.com/vcs-origin"),
        claim("oidc.circleci.com/workflow-id").uuid(),
        claim("sub"),
    ],
    missing_pin_hint: Some("is this a CircleCI job's `CIRCLE_OIDC_TOKEN_V2`?"),
    check: organization_agrees_with_issuer,
    events: &[
        EventRule {
            claim: "rerun",
            default: &["no"],
            forbidden: &["ssh"],
            advice: "someone may be logged in to the job; rerun the workflow without SSH",
            risky: &[],
        },
        EventRule {
            claim: origin::CLAIM,
            default: &[origin::OWN, origin::UNSTATED],
            forbidden: &[origin::PULL_REQUEST],
            advice: "merge the change, and publish from the project's own branch or tag",
            risky: &[],
        },
    ],
    guidance: Guidance {
        advice: &[Advice {
            code: Code::AnyRun,
            on: None,
            requirements: &[
                Requirement::Any("oidc.circleci.com/context-ids"),
                Requirement::Any("oidc.circleci.com/pipeline-definition-id"),
                Requirement::Any(REF),
            ],
            message: "every pipeline of the project may publish, whatever its branch",
            help: "fix the `oidc.circleci.com/vcs-ref`, or a restricted context in `oidc.circleci.com/context-ids`",
        }],
        notes: |_| {
            &[Note {
                code: "tenant-not-proven",
                text: "it answers for any organization's UUID: that these keys are there does not prove the organization",
                is_urgent: false,
            }]
        },
        ..Guidance::NONE
    },
    ..Kind::UNKNOWN
};

/// A forked pull request's build runs in the project it is for, with the ref `refs/heads/pull/N` or a
/// ref that is not a branch's and no tag's. Pipelines of custom webhooks have no ref.
fn code_origin(claims: &Claims) -> Option<String> {
    let origin = match claim_state(claims, REF) {
        ClaimState::Absent => origin::UNSTATED,
        ClaimState::Value(name) if is_pull_requests_branch(&name) => origin::PULL_REQUEST,
        ClaimState::Value(name) => origin::of_ref(&name)?,
        ClaimState::Invalid => return None,
    };
    Some(origin.to_owned())
}

fn is_pull_requests_branch(name: &str) -> bool {
    name.strip_prefix("refs/heads/").unwrap_or(name).starts_with("pull/")
}

/// Whether the job was started again for someone to log in to it. A token that does not say so is
/// neither.
fn rerun(claims: &Claims) -> Option<String> {
    let rerun = match claim_state(claims, SSH_RERUN) {
        ClaimState::Value(flag) if flag == "false" => "no",
        ClaimState::Value(flag) if flag == "true" => "ssh",
        ClaimState::Absent => "unstated",
        ClaimState::Value(_) | ClaimState::Invalid => return None,
    };
    Some(rerun.to_owned())
}

fn organization_agrees_with_issuer(claims: &Claims) -> Result<(), Denial> {
    let (Some(issuer), Some(id)) = (claims.text("iss"), claims.text(ORGANIZATION)) else { return Ok(()) };
    match issuer.rsplit_once("/org/") {
        Some((_, organization)) if organization != id => {
            Err(contradiction(claims, ORGANIZATION, "the organization is not the one that `iss` names"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_origin_is_read_from_the_ref() {
        let origin = |name: &str| {
            let json = format!(r#"{{"{REF}":{name}}}"#);
            code_origin(&Claims::parse(json.as_bytes()).expect("valid"))
        };
        for (name, expected) in [
            (r#""refs/heads/main""#, Some("own")),
            (r#""refs/heads/pulling""#, Some("own")),
            (r#""refs/tags/pull/1""#, Some("own")),
            (r#""refs/pull/7/merge""#, Some("pull-request")),
            (r#""refs/heads/pull/7""#, Some("pull-request")),
            (r#""refs/merge-requests/7/head""#, Some("pull-request")),
            (r#""main""#, None),
            (r#""""#, None),
            ("true", None),
            (r#"["refs/heads/main"]"#, None),
            ("null", Some("unstated")),
        ] {
            assert_eq!(origin(name).as_deref(), expected, "{name}");
        }
    }
}
