//! CircleCI.
//!
//! Source: CircleCI's "Using OpenID Connect tokens in jobs". One key signs for all organizations: that
//! a token is of an organization is said by its claims only, so `iss` and `org-id` must agree.

use super::{
    Advice, Claims, Derived, Events, Kind, Note, RequestedScope, Sample, Shape, Stated, Write, contradiction,
    host_of, is_on_host, is_uuid, origin, path_segments, stated,
};
use crate::denial::Denial;
use crate::toml_reader::Code;

const ORGANIZATION: &str = "oidc.circleci.com/org-id";
const REF: &str = "oidc.circleci.com/vcs-ref";
const SSH_RERUN: &str = "oidc.circleci.com/ssh-rerun";

pub(super) const KIND: Kind = Kind {
    name: "circleci",
    owns_url: |url| is_on_host(url, "oidc.circleci.com"),
    check_url: |url| match path_segments(url)[..] {
        ["org", id] if is_uuid(id) => Ok(()),
        _ if host_of(url) == "oidc.circleci.com" => {
            Err("an organization's issuer is https://oidc.circleci.com/org/UUID, in lower case")
        }
        _ => Ok(()),
    },
    pins: &[ORGANIZATION, "oidc.circleci.com/project-id"],
    missing_pin_hint: Some("is this a CircleCI job's `CIRCLE_OIDC_TOKEN_V2`?"),
    vocabulary: &[
        "aud",
        "exp",
        "iat",
        "iss",
        "oidc.circleci.com/context-ids",
        "oidc.circleci.com/job-id",
        ORGANIZATION,
        "oidc.circleci.com/pipeline-definition-id",
        "oidc.circleci.com/pipeline-id",
        "oidc.circleci.com/project-id",
        SSH_RERUN,
        "oidc.circleci.com/vcs-origin",
        REF,
        "oidc.circleci.com/workflow-id",
        "sub",
    ],
    derived: &[
        Derived { name: origin::CLAIM, compute: code_origin },
        Derived { name: "rerun", compute: rerun },
    ],
    samples: &[
        Sample {
            name: origin::CLAIM,
            from: REF,
            write: Write::Values(&[
                (origin::OWN, Some("refs/heads/main")),
                (origin::PULL_REQUEST, Some("refs/pull/1/head")),
                ("unstated", None),
            ]),
        },
        Sample {
            name: "rerun",
            from: SSH_RERUN,
            write: Write::Values(&[("no", Some("false")), ("ssh", Some("true")), ("unstated", None)]),
        },
    ],
    recommended: &[
        ("oidc.circleci.com/pipeline-definition-id", "only this pipeline of the project"),
        (REF, "only what was tagged or merged so"),
    ],
    run_claim: Some("oidc.circleci.com/pipeline-id"),
    repository: &["oidc.circleci.com/project-id"],
    events: &[
        Events {
            claim: "rerun",
            default: &["no"],
            never: &["ssh"],
            advice: "somebody may be logged in to the job; rerun the workflow without SSH",
        },
        Events {
            claim: origin::CLAIM,
            default: &[origin::OWN, origin::UNSTATED],
            never: &[origin::PULL_REQUEST],
            advice: "merge the change, and publish from the project's own branch or tag",
        },
    ],
    check: organization_agrees_with_issuer,
    shapes: &[
        ("oidc.circleci.com/job-id", Shape::Uuid),
        (ORGANIZATION, Shape::Uuid),
        ("oidc.circleci.com/pipeline-definition-id", Shape::Uuid),
        ("oidc.circleci.com/pipeline-id", Shape::Uuid),
        ("oidc.circleci.com/project-id", Shape::Uuid),
        (SSH_RERUN, Shape::Flag),
        ("oidc.circleci.com/workflow-id", Shape::Uuid),
    ],
    advice: &[Advice {
        code: Code::AnyRun,
        on: None,
        wants: &[
            RequestedScope::Any("oidc.circleci.com/context-ids"),
            RequestedScope::Any("oidc.circleci.com/pipeline-definition-id"),
            RequestedScope::Any(REF),
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
    ..Kind::UNKNOWN
};

/// A forked pull request's build runs in the project it is for, with the ref `refs/heads/pull/N` or a
/// ref that is no branch's and no tag's. Pipelines of custom webhooks have no ref.
fn code_origin(claims: &Claims) -> Option<String> {
    let origin = match stated(claims, REF) {
        Stated::Not => origin::UNSTATED,
        Stated::As(name) if is_pull_requests_branch(&name) => origin::PULL_REQUEST,
        Stated::As(name) => origin::of_ref(&name)?,
        Stated::Unreadably => return None,
    };
    Some(origin.to_owned())
}

fn is_pull_requests_branch(name: &str) -> bool {
    name.strip_prefix("refs/heads/").unwrap_or(name).starts_with("pull/")
}

/// Whether the job was started anew for somebody to log in to it. A token that does not say so is
/// neither.
fn rerun(claims: &Claims) -> Option<String> {
    let rerun = match stated(claims, SSH_RERUN) {
        Stated::As(flag) if flag == "false" => "no",
        Stated::As(flag) if flag == "true" => "ssh",
        Stated::Not => "unstated",
        Stated::As(_) | Stated::Unreadably => return None,
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
    fn whose_code_it_is_is_read_off_the_ref() {
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
