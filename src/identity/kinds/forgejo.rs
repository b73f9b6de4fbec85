//! Forgejo Actions.
//!
//! Source: Forgejo's "Security OpenID Connect" and its discovery document. All claims are strings.
//! Ids are counters of one instance. A token lives for an hour and has no `jti`.

use url::Url;

use super::{
    Advice, Claims, EventRule, Guidance, IDS_PER_INSTANCE, Kind, Requirement, Synthesizer, UrlRules, claim,
    derived, path_segments, run_url, workflow_ref,
};
use crate::toml_reader::Code;

/// What every issuer ends with: the instance itself is the issuer of people's sign-ins.
const PATH: &str = "/api/actions";

/// Where Forgejo reads workflows from.
const FOLDERS: [&str; 3] = ["/.forgejo/workflows/", "/.gitea/workflows/", "/.github/workflows/"];

pub(super) const KIND: Kind = Kind {
    name: "forgejo",
    urls: UrlRules {
        owns: |url| url.trim_end_matches('/').to_ascii_lowercase().ends_with(PATH),
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
        claim("repository_owner_id").number().pin(),
        claim("repository_id").number().pin().repository(),
        claim("repository").repository().case_insensitive(),
        claim("ref").recommended("only what was tagged or merged so"),
        claim("ref_protected")
            .flag()
            .recommended("only those whom the repository's rules allow can push there"),
        claim("run_id").number().run(),
        claim("actor"),
        claim("actor_id").number(),
        claim("aud"),
        claim("base_ref"),
        claim("event_name"),
        claim("exp"),
        claim("head_ref"),
        claim("iat"),
        claim("iss"),
        claim("nbf"),
        claim("ref_type").one_of(&["branch", "tag"]),
        claim("repository_owner").case_insensitive(),
        claim("run_attempt").number(),
        claim("run_number").number(),
        claim("sha"),
        claim("sub")
            .unmatchable("names and ids in it cannot be told apart; match on `ref` and the ids' own claims"),
        claim("workflow")
            .unmatchable("a repository of any owner can have one of that name; use `workflow_file`"),
        claim("workflow_ref"),
    ],
    missing_pin_hint: Some("does this Forgejo sign ids? Older ones know names only"),
    run_url: run_url::forgejo,
    events: &[EventRule {
        claim: "event_name",
        default: &["push", "release", "workflow_dispatch", "schedule"],
        forbidden: &[
            "pull_request",
            "pull_request_target",
            "pull_request_comment",
            "pull_request_review",
            "issue_comment",
            "workflow_run",
        ],
        advice: "publish from `push`, `release` or `workflow_dispatch` instead",
        risky: &["fork", "issues"],
    }],
    guidance: Guidance {
        advice: &[Advice {
            code: Code::AnyRun,
            on: None,
            requirements: &[
                Requirement::Any("ref"),
                Requirement::Any("ref_type"),
                Requirement::Any("sha"),
                Requirement::Any("workflow_file"),
                Requirement::Any("workflow_ref"),
                Requirement::Exactly("ref_protected", "true"),
            ],
            message: "every workflow on every branch of the repository may publish",
            help: "fix the `workflow_file` and the `ref`",
        }],
        notes: |_| IDS_PER_INSTANCE,
        ..Guidance::NONE
    },
    ..Kind::UNKNOWN
};

fn check_url(url: &Url) -> Result<(), &'static str> {
    if url.path().ends_with(PATH) || path_segments(url).is_empty() {
        return Ok(());
    }
    Err("the issuer of Forgejo Actions is https://<instance>/api/actions")
}

fn workflow_file(claims: &Claims) -> Option<String> {
    workflow_ref::own_file(claims, &FOLDERS)
}
