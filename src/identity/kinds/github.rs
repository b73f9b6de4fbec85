//! GitHub Actions.
//!
//! Source: GitHub's "OpenID Connect reference". `sub` changed its form in July 2026 and can be
//! customised by organisations, so it is never bound on; the signed ids are.
//!
//! Issuers: github.com; an enterprise's own below it, `…/SLUG`, whose slug is given to others after a
//! renaming; GHE.com, `https://token.actions.SUB.ghe.com[/SUB]`, where the host is the enterprise's;
//! GitHub Enterprise Server, `https://HOST/_services/token`, whose ids count from one on each server.

use url::Url;

use super::{
    Advice, Claims, EventRule, Guidance, IDS_PER_INSTANCE, Kind, Requirement, SubjectForm, Synthesizer,
    UrlRules, claim, contradiction, derived, host_of, is_on_host, path_segments, run_url, workflow_ref,
};
use crate::denial::Denial;
use crate::toml_reader::Code;

const HOST: &str = "token.actions.githubusercontent.com";

/// Where GitHub reads workflows from.
const FOLDERS: [&str; 1] = ["/.github/workflows/"];

pub(super) const KIND: Kind = Kind {
    name: "github",
    urls: UrlRules {
        default: Some("https://token.actions.githubusercontent.com"),
        owns: owns_url,
        check: check_url,
        ..UrlRules::NONE
    },
    claims: &[
        derived(
            "workflow_file",
            workflow_file,
            "workflow_ref",
            Synthesizer::Function(|file, claims| workflow_ref::write_own(claims, FOLDERS[0], file)),
        )
        .recommended("only this workflow, so that no other file of the repository can publish"),
        derived(
            "job_workflow_file",
            job_workflow_file,
            "job_workflow_ref",
            Synthesizer::Function(write_job_workflow_file),
        ),
        derived(
            "job_workflow_repository",
            job_workflow_repository,
            "job_workflow_ref",
            Synthesizer::Function(write_job_workflow_repository),
        )
        .case_insensitive(),
        claim("repository_owner_id").number().pin(),
        claim("repository_id").number().pin().repository(),
        claim("enterprise_id").number().pin_where(is_enterprises),
        claim("repository").repository().case_insensitive(),
        claim("environment").case_insensitive().recommended("its protection rules guard every publish"),
        claim("ref").recommended("only what was tagged or merged so"),
        claim("run_id").number().run(),
        claim("actor"),
        claim("actor_id").number(),
        claim("aud"),
        claim("base_ref"),
        claim("check_run_id"),
        claim("enterprise"),
        claim("environment_node_id"),
        claim("event_name"),
        claim("exp"),
        claim("head_ref"),
        claim("iat"),
        claim("iss"),
        claim("issuer_scope"),
        claim("job_workflow_ref"),
        claim("job_workflow_sha"),
        claim("jti"),
        claim("nbf"),
        claim("ref_protected").flag(),
        claim("ref_type").one_of(&["branch", "tag"]),
        claim("repository_owner").case_insensitive(),
        claim("repository_visibility").one_of(&["public", "private", "internal"]),
        claim("run_attempt").number(),
        claim("run_number").number(),
        claim("runner_environment").one_of(&["github-hosted", "self-hosted"]),
        claim("sha"),
        claim("sub"),
        claim("workflow")
            .unmatchable("it is a display name that the workflow's author chooses; use `workflow_file`"),
        claim("workflow_ref"),
        claim("workflow_sha"),
    ],
    claim_prefixes: &["repo_property_"],
    missing_pin_hint: Some("is this a GitHub Actions ID token?"),
    check: subject_agrees_with_ids,
    run_url: run_url::github,
    max_age: 600,
    events: &[EventRule {
        claim: "event_name",
        default: &["push", "release", "workflow_dispatch", "schedule"],
        forbidden: &["pull_request_target", "workflow_run", "issue_comment"],
        advice: "publish from `push`, `release` or `workflow_dispatch` instead",
        risky: &[
            "discussion",
            "discussion_comment",
            "fork",
            "issues",
            "pull_request",
            "pull_request_comment",
            "pull_request_review",
            "pull_request_review_comment",
            "watch",
        ],
    }],
    guidance: Guidance {
        advice: ADVICE,
        subject_form,
        notes: |url| if owns_url(url) { &[] } else { IDS_PER_INSTANCE },
    },
    ..Kind::UNKNOWN
};

const REFS: [Requirement; 4] = [
    Requirement::Any("ref"),
    Requirement::Any("ref_type"),
    Requirement::Any("sha"),
    Requirement::Exactly("ref_protected", "true"),
];

const ADVICE: &[Advice] = &[
    Advice {
        code: Code::AnyRun,
        on: None,
        requirements: &[
            Requirement::Any("environment"),
            Requirement::Any("workflow_file"),
            Requirement::Any("workflow_ref"),
            Requirement::Any("job_workflow_file"),
            Requirement::Any("job_workflow_ref"),
            REFS[0],
            REFS[1],
            REFS[2],
            REFS[3],
        ],
        message: "every workflow on every branch of the repository may publish",
        help: "fix the `environment`, or the `workflow_file` and the `ref`",
    },
    Advice {
        code: Code::AnyReusableWorkflow,
        on: Some("job_workflow_file"),
        requirements: &[Requirement::Any("job_workflow_repository"), Requirement::Any("job_workflow_ref")],
        message: "a reusable workflow of that file name may be anyone's",
        help: "fix its `job_workflow_repository`",
    },
    Advice {
        code: Code::EnvironmentWithoutRef,
        on: Some("environment"),
        requirements: &REFS,
        message: "a job of this environment may run on any branch that the environment's own rules let",
        help: "fix the `ref`, or limit the environment to protected branches and tags and accept this",
    },
];

/// GitHub's own hosts, in any spelling.
fn owns_url(url: &str) -> bool {
    is_on_host(url, HOST) || Url::parse(url).is_ok_and(|url| is_ghe_com(&url))
}

/// Any host of GHE.com.
fn is_ghe_com(url: &Url) -> bool {
    host_of(url) == "ghe.com" || host_of(url).ends_with(".ghe.com")
}

/// An enterprise's own issuer below github.com's.
fn is_enterprises(url: &str) -> bool {
    is_on_host(url, HOST) && Url::parse(url).is_ok_and(|url| !path_segments(&url).is_empty())
}

fn check_url(url: &Url) -> Result<(), &'static str> {
    let segments = path_segments(url);
    if host_of(url) == HOST {
        return match segments[..] {
            [] => Ok(()),
            [slug] if !slug.is_empty() => Ok(()),
            _ => Err("an enterprise's issuer is https://token.actions.githubusercontent.com/SLUG"),
        };
    }
    if is_ghe_com(url) {
        let subdomain =
            host_of(url).strip_prefix("token.actions.").and_then(|host| host.strip_suffix(".ghe.com"));
        return match (subdomain, &segments[..]) {
            (Some(subdomain), []) if !subdomain.contains('.') => Ok(()),
            (Some(subdomain), [slug]) if !subdomain.contains('.') && *slug == subdomain => Ok(()),
            _ => Err("an issuer of GHE.com is https://token.actions.SUB.ghe.com or …/SUB"),
        };
    }
    Ok(())
}

/// The file of the workflow that was started, if it is this repository's own.
fn workflow_file(claims: &Claims) -> Option<String> {
    workflow_ref::own_file(claims, &FOLDERS)
}

/// The file of the workflow the job is defined in, which may be a reusable one of another repository.
fn job_workflow_file(claims: &Claims) -> Option<String> {
    workflow_ref::split(claims.text("job_workflow_ref")?, &FOLDERS).map(|(_, file)| file.to_owned())
}

/// The repository of the workflow the job is defined in.
fn job_workflow_repository(claims: &Claims) -> Option<String> {
    workflow_ref::split(claims.text("job_workflow_ref")?, &FOLDERS)
        .map(|(repository, _)| repository.to_owned())
}

fn write_job_workflow_file(file: &str, claims: &mut Claims) {
    let repository = job_workflow_repository(claims).unwrap_or_else(|| "acme/workflows".to_owned());
    workflow_ref::write(claims, "job_workflow_ref", &repository, FOLDERS[0], file);
}

fn write_job_workflow_repository(repository: &str, claims: &mut Claims) {
    let file = job_workflow_file(claims).unwrap_or_else(|| "release.yml".to_owned());
    workflow_ref::write(claims, "job_workflow_ref", repository, FOLDERS[0], &file);
}

/// The immutable form, `repo:OWNER@OWNER_ID/REPO@REPO_ID:…`, must agree with the id claims. Other
/// forms say nothing that could disagree. `@` cannot occur in names of owners and repositories, so
/// half of the form is a form with an id missing.
fn subject_agrees_with_ids(claims: &Claims) -> Result<(), Denial> {
    let ids = claims.text("sub").and_then(immutable_ids);
    let Some((owner_id, repository_id)) = ids else { return Ok(()) };
    let signed = (claims.text("repository_owner_id"), claims.text("repository_id"));
    if signed == (owner_id, repository_id) && owner_id.is_some() && repository_id.is_some() {
        return Ok(());
    }
    Err(contradiction(claims, "sub", "the ids in `sub` are not those of the token's id claims"))
}

/// A policy may name a `sub` beside the pins; which forms last is told here.
fn subject_form(sub: &str) -> SubjectForm {
    match sub.strip_prefix("repo:").map(|rest| rest.split(':').next().unwrap_or(rest).contains('@')) {
        Some(true) => SubjectForm::Fine,
        Some(false) => SubjectForm::Names(
            "leave it out: the pinned ids say more; new repositories sign `repo:OWNER@ID/REPO@ID:…`",
        ),
        None => SubjectForm::Custom("leave it out, and match on the claims that it is made of"),
    }
}

/// The ids of owner and repository, if `sub` names any.
fn immutable_ids(sub: &str) -> Option<(Option<&str>, Option<&str>)> {
    let names = sub.strip_prefix("repo:")?.split(':').next().filter(|names| names.contains('@'))?;
    let (owner, repository) = names.split_once('/').unwrap_or((names, ""));
    Some((id_in(owner), id_in(repository)))
}

fn id_in(name: &str) -> Option<&str> {
    name.split_once('@').map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::Reason;

    #[test]
    fn immutable_subject_agrees_with_id_claims() {
        let check = |sub: &str| {
            let json = format!(r#"{{"sub":"{sub}","repository_owner_id":"1","repository_id":"2"}}"#);
            subject_agrees_with_ids(&Claims::parse(json.as_bytes()).expect("valid"))
                .map_err(|denial| denial.reason)
        };
        for fine in [
            "repo:acme@1/widget@2:environment:pypi",
            "repo:acme/widget:ref:refs/heads/main",
            "repo:acme-1/widget-9:ref:refs/heads/a@b",
            "repository_owner:acme",
            "repo:acme/widget:environment:a@1/b@9",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for forged in [
            "repo:acme@1/widget@3:x",
            "repo:acme@2/widget@2:x",
            "repo:acme@12/widget@:x",
            "repo:acme@1/widget:x",
            "repo:acme/widget@2",
            "repo:acme@1",
        ] {
            assert_eq!(check(forged), Err(Reason::InvalidClaim), "{forged}");
        }
    }

    #[test]
    fn github_lookalike_urls_belong_to_github() {
        let owned = KIND.urls.owns;
        for url in [
            "https://token.actions.githubusercontent.com",
            "https://token.actions.githubusercontent.com/acme",
            "https://TOKEN.actions.githubusercontent.com./",
            "https://token.actions.octocorp.ghe.com/octocorp",
            "https://ghe.com",
        ] {
            assert!(owned(url), "{url}");
        }
        assert!(!owned("https://token.actions.githubusercontent.com.evil.example"));
        assert!(!owned("https://token.actions.octocorp.ghe.com.evil.example"));
        assert!(!owned("https://evilghe.com"));
    }

    #[test]
    fn enterprise_is_identified_by_id() {
        let is_pinned = |url: &str| KIND.pins(url).contains(&"enterprise_id");
        assert!(is_pinned("https://token.actions.githubusercontent.com/acme"));
        for url in [
            "https://token.actions.githubusercontent.com",
            "https://token.actions.octocorp.ghe.com/octocorp",
            "https://github.corp.example/_services/token",
        ] {
            assert!(!is_pinned(url), "{url}");
        }
    }
}
