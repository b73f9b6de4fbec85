//! Semaphore.
//!
//! Source: Semaphore's "OIDC Tokens" reference. A job cannot choose `aud`, which is the
//! organization's URL; `sub` is `org:O:project:UUID:repo:R:ref_type:T:ref:REF`.

use url::Url;

use super::{
    Advice, AudienceRules, Claim, ClaimState, Claims, EventRule, Guidance, Kind, Requirement, Synthesizer,
    UrlRules, claim, claim_state, contradiction, derived, host_of, origin, path_segments,
};
use crate::denial::Denial;
use crate::toml_reader::Code;

const DOMAIN: &str = ".semaphoreci.com";

pub(super) const KIND: Kind = Kind {
    name: "semaphore",
    urls: UrlRules {
        owns: |url| Url::parse(url).is_ok_and(|url| host_of(&url).ends_with(DOMAIN)),
        check: |url| match host_of(url).strip_suffix(DOMAIN) {
            Some(organization) if organization.contains('.') || !path_segments(url).is_empty() => {
                Err("an organization's issuer is https://ORGANIZATION.semaphoreci.com")
            }
            _ => Ok(()),
        },
        ..UrlRules::NONE
    },
    audiences: AudienceRules { fixed: |url| Some(url), ..AudienceRules::NONE },
    claims: &[
        derived(
            origin::CLAIM,
            code_origin,
            "ref_type",
            Synthesizer::Table(&[
                (origin::OWN, Some("branch")),
                (origin::PULL_REQUEST, Some("pull-request")),
            ]),
        ),
        derived(
            "job_kind",
            job_kind,
            "job_type",
            Synthesizer::Table(&[
                ("pipeline", Some("pipeline_job")),
                ("debug", Some("debug_job")),
                ("unstated", None),
            ]),
        ),
        derived(
            "project_id",
            project_id,
            "prj_id",
            Synthesizer::Function(|id, claims| claims.set("prj_id", Claim::Text(id.to_owned()))),
        )
        .uuid()
        .pin()
        .repository(),
        claim("prj").repository(),
        claim("ref").recommended("only what was tagged or merged so"),
        claim("wf_id").uuid().run(),
        claim("aud"),
        claim("branch"),
        claim("exp"),
        claim("iat"),
        claim("iss"),
        claim("job_id").uuid(),
        claim("job_type"),
        claim("jti"),
        claim("nbf"),
        claim("org"),
        claim("org_id").uuid(),
        claim("ppl_id").uuid(),
        claim("pr"),
        claim("pr_branch"),
        claim("prj_id").uuid(),
        claim("ref_type").one_of(&["branch", "tag", "pull-request"]),
        claim("repo"),
        claim("repo_slug"),
        claim("sub"),
        claim("sub127"),
        claim("tag"),
        claim("trg"),
    ],
    missing_pin_hint: Some("is this a Semaphore job's `SEMAPHORE_OIDC_TOKEN`? It is its signed `prj_id`"),
    check: project_agrees_with_subject,
    events: &[
        EventRule {
            claim: origin::CLAIM,
            default: &[origin::OWN],
            forbidden: &[origin::PULL_REQUEST],
            advice: "merge the change, and publish from a workflow of a branch or tag",
            risky: &[],
        },
        EventRule {
            claim: "job_kind",
            default: &["pipeline", "unstated"],
            forbidden: &["debug"],
            advice: "someone is logged in to a debug job; publish from a job of a pipeline",
            risky: &[],
        },
    ],
    guidance: Guidance {
        advice: &[Advice {
            code: Code::AnyRun,
            on: None,
            requirements: &[
                Requirement::Any("branch"),
                Requirement::Any("ref"),
                Requirement::Any("ref_type"),
                Requirement::Any("tag"),
            ],
            message: "every workflow of the project may publish, whatever its branch",
            help: "fix the `ref`",
        }],
        ..Guidance::NONE
    },
    ..Kind::UNKNOWN
};

/// The project's id, under either of the names it was seen with.
fn project_id(claims: &Claims) -> Option<String> {
    match (claim_state(claims, "prj_id"), claim_state(claims, "project_id")) {
        (ClaimState::Value(id), ClaimState::Absent) | (ClaimState::Absent, ClaimState::Value(id)) => {
            Some(id.into_owned())
        }
        (ClaimState::Value(one), ClaimState::Value(other)) if one == other => Some(one.into_owned()),
        _ => None,
    }
}

/// `ref_type` is said twice, by a claim and in `sub`, where it may be written `pr`; it is a pull
/// request's if either says so, and the project's own if nothing says otherwise.
fn code_origin(claims: &Claims) -> Option<String> {
    let signed = match claim_state(claims, "ref_type") {
        ClaimState::Absent => None,
        ClaimState::Value(kind) => Some(kind.into_owned()),
        ClaimState::Invalid => return None,
    };
    let said: Vec<_> = signed.as_deref().into_iter().chain(in_subject(claims, "ref_type")).collect();
    let is_pull_request = said.iter().any(|kind| matches!(*kind, "pull-request" | "pull_request" | "pr"));
    let is_own = !said.is_empty() && said.iter().all(|kind| matches!(*kind, "branch" | "tag"));
    let origin = if is_pull_request { Some(origin::PULL_REQUEST) } else { is_own.then_some(origin::OWN) };
    origin.map(str::to_owned)
}

/// Whether it is a debug job, to which someone is logged in. Tokens of older installations do not say.
fn job_kind(claims: &Claims) -> Option<String> {
    let kind = match claim_state(claims, "job_type") {
        ClaimState::Value(kind) if kind == "pipeline_job" => "pipeline",
        ClaimState::Value(kind) if kind.contains("debug") => "debug",
        ClaimState::Absent => "unstated",
        ClaimState::Value(_) | ClaimState::Invalid => return None,
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
    fn pull_request_is_recognised_in_each_claim() {
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
    fn project_has_one_id() {
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
