//! Semaphore.
//!
//! Source: Semaphore's "OIDC Tokens" reference. A job cannot choose `aud`, which is the
//! organization's URL; `sub` is `org:O:project:UUID:repo:R:ref_type:T:ref:REF`.

use url::Url;

use super::{
    Advice, Claim, Claims, Derived, Events, Kind, RequestedScope, Sample, Shape, Stated, Write,
    contradiction, host_of, origin, path_segments, stated,
};
use crate::denial::Denial;
use crate::toml_reader::Code;

const DOMAIN: &str = ".semaphoreci.com";

pub(super) const KIND: Kind = Kind {
    name: "semaphore",
    owns_url: |url| Url::parse(url).is_ok_and(|url| host_of(&url).ends_with(DOMAIN)),
    check_url: |url| match host_of(url).strip_suffix(DOMAIN) {
        Some(organization) if organization.contains('.') || !path_segments(url).is_empty() => {
            Err("an organization's issuer is https://ORGANIZATION.semaphoreci.com")
        }
        _ => Ok(()),
    },
    fixed_audience: |url| Some(url),
    pins: &["project_id"],
    missing_pin_hint: Some("is this a Semaphore job's `SEMAPHORE_OIDC_TOKEN`? It is its signed `prj_id`"),
    vocabulary: &[
        "aud",
        "branch",
        "exp",
        "iat",
        "iss",
        "job_id",
        "job_type",
        "jti",
        "nbf",
        "org",
        "org_id",
        "ppl_id",
        "pr",
        "pr_branch",
        "prj",
        "prj_id",
        "ref",
        "ref_type",
        "repo",
        "repo_slug",
        "sub",
        "sub127",
        "tag",
        "trg",
        "wf_id",
    ],
    derived: &[
        Derived { name: origin::CLAIM, compute: code_origin },
        Derived { name: "job_kind", compute: job_kind },
        Derived { name: "project_id", compute: project_id },
    ],
    samples: &[
        Sample {
            name: origin::CLAIM,
            from: "ref_type",
            write: Write::Values(&[
                (origin::OWN, Some("branch")),
                (origin::PULL_REQUEST, Some("pull-request")),
            ]),
        },
        Sample {
            name: "job_kind",
            from: "job_type",
            write: Write::Values(&[
                ("pipeline", Some("pipeline_job")),
                ("debug", Some("debug_job")),
                ("unstated", None),
            ]),
        },
        Sample {
            name: "project_id",
            from: "prj_id",
            write: Write::With(|id, claims| claims.set("prj_id", Claim::Text(id.to_owned()))),
        },
    ],
    recommended: &[("ref", "only what was tagged or merged so")],
    run_claim: Some("wf_id"),
    repository: &["project_id", "prj"],
    events: &[
        Events {
            claim: origin::CLAIM,
            default: &[origin::OWN],
            never: &[origin::PULL_REQUEST],
            advice: "merge the change, and publish from a workflow of a branch or tag",
        },
        Events {
            claim: "job_kind",
            default: &["pipeline", "unstated"],
            never: &["debug"],
            advice: "somebody is logged in to a debug job; publish from a job of a pipeline",
        },
    ],
    check: project_agrees_with_subject,
    shapes: &[
        ("job_id", Shape::Uuid),
        ("org_id", Shape::Uuid),
        ("ppl_id", Shape::Uuid),
        ("prj_id", Shape::Uuid),
        ("project_id", Shape::Uuid),
        ("ref_type", Shape::OneOf(&["branch", "tag", "pull-request"])),
        ("wf_id", Shape::Uuid),
    ],
    advice: &[Advice {
        code: Code::AnyRun,
        on: None,
        wants: &[
            RequestedScope::Any("branch"),
            RequestedScope::Any("ref"),
            RequestedScope::Any("ref_type"),
            RequestedScope::Any("tag"),
        ],
        message: "every workflow of the project may publish, whatever its branch",
        help: "fix the `ref`",
    }],
    ..Kind::UNKNOWN
};

/// The project's id, under either of the names it was seen with.
fn project_id(claims: &Claims) -> Option<String> {
    match (stated(claims, "prj_id"), stated(claims, "project_id")) {
        (Stated::As(id), Stated::Not) | (Stated::Not, Stated::As(id)) => Some(id.into_owned()),
        (Stated::As(one), Stated::As(other)) if one == other => Some(one.into_owned()),
        _ => None,
    }
}

/// `ref_type` is said twice, by a claim and in `sub`, where it may be written `pr`; it is a pull
/// request's if either says so, and the project's own if nothing says otherwise.
fn code_origin(claims: &Claims) -> Option<String> {
    let signed = match stated(claims, "ref_type") {
        Stated::Not => None,
        Stated::As(kind) => Some(kind.into_owned()),
        Stated::Unreadably => return None,
    };
    let said: Vec<_> = signed.as_deref().into_iter().chain(in_subject(claims, "ref_type")).collect();
    let is_pull_request = said.iter().any(|kind| matches!(*kind, "pull-request" | "pull_request" | "pr"));
    let is_own = !said.is_empty() && said.iter().all(|kind| matches!(*kind, "branch" | "tag"));
    let origin = if is_pull_request { Some(origin::PULL_REQUEST) } else { is_own.then_some(origin::OWN) };
    origin.map(str::to_owned)
}

/// Whether it is a debug job, to which somebody is logged in. Tokens of older installations do not say.
fn job_kind(claims: &Claims) -> Option<String> {
    let kind = match stated(claims, "job_type") {
        Stated::As(kind) if kind == "pipeline_job" => "pipeline",
        Stated::As(kind) if kind.contains("debug") => "debug",
        Stated::Not => "unstated",
        Stated::As(_) | Stated::Unreadably => return None,
    };
    Some(kind.to_owned())
}

/// The value that follows this name in `sub`. Values have no `:`, neither ids nor what git allows in
/// the name of a ref.
fn in_subject<'c>(claims: &'c Claims, name: &str) -> Option<&'c str> {
    let parts: Vec<_> = claims.text("sub")?.split(':').collect();
    parts.chunks(2).find(|pair| pair[0] == name).and_then(|pair| pair.get(1).copied())
}

fn project_agrees_with_subject(claims: &Claims) -> Result<(), Denial> {
    let (Some(signed), Some(named)) = (project_id(claims), in_subject(claims, "project")) else {
        return Ok(());
    };
    if signed == named {
        return Ok(());
    }
    Err(contradiction(claims, "sub", "the project in `sub` is not that of the token's id claim"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        Claims::parse(json.as_bytes()).expect("valid")
    }

    #[test]
    fn a_pull_request_is_one_wherever_it_is_said() {
        for (json, expected) in [
            (r#"{"ref_type":"branch","sub":"org:a:ref_type:branch"}"#, Some("own")),
            (r#"{"ref_type":"tag"}"#, Some("own")),
            (r#"{"sub":"org:a:project:p:repo:r:ref_type:tag:ref:refs/tags/v1"}"#, Some("own")),
            (r#"{"ref_type":"pull-request","sub":"org:a:ref_type:branch"}"#, Some("pull-request")),
            (r#"{"ref_type":"branch","sub":"org:a:ref_type:pr:ref:x"}"#, Some("pull-request")),
            (r#"{"ref_type":"Branch"}"#, None),
            (r#"{"ref_type":["branch"],"sub":"org:a:ref_type:branch"}"#, None),
            (r#"{"ref_type":"branch","sub":"org:a:ref_type"}"#, Some("own")),
            ("{}", None),
        ] {
            assert_eq!(code_origin(&claims(json)).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn a_project_has_one_id() {
        for (json, expected) in [
            (r#"{"prj_id":"p"}"#, Some("p")),
            (r#"{"project_id":"p"}"#, Some("p")),
            (r#"{"prj_id":"p","project_id":"p"}"#, Some("p")),
            (r#"{"prj_id":"p","project_id":"q"}"#, None),
            (r#"{"prj_id":"p","project_id":["q"]}"#, None),
            ("{}", None),
        ] {
            assert_eq!(project_id(&claims(json)).as_deref(), expected, "{json}");
        }
    }
}
