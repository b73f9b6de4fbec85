//! Forgejo Actions.
//!
//! Source: Forgejo's "Security OpenID Connect" and its discovery document. All claims are strings.
//! Ids are counters of one instance. A token lives for an hour and has no `jti`.

use url::Url;

use super::{
    Advice, Claims, Derived, Events, IDS_PER_INSTANCE, Kind, RequestedScope, Sample, Shape, Write,
    path_segments, run_url, workflow_ref,
};
use crate::toml_reader::Code;

/// What every issuer ends with: the instance itself is the issuer of people's sign-ins.
const PATH: &str = "/api/actions";

/// Where Forgejo reads workflows from.
const FOLDERS: [&str; 3] = ["/.forgejo/workflows/", "/.gitea/workflows/", "/.github/workflows/"];

pub(super) const KIND: Kind = Kind {
    name: "forgejo",
    owns_url: |url| url.trim_end_matches('/').to_ascii_lowercase().ends_with(PATH),
    check_url,
    pins: &["repository_owner_id", "repository_id"],
    missing_pin_hint: Some("does this Forgejo sign ids? Older ones know names only"),
    vocabulary: &[
        "actor",
        "actor_id",
        "aud",
        "base_ref",
        "event_name",
        "exp",
        "head_ref",
        "iat",
        "iss",
        "nbf",
        "ref",
        "ref_protected",
        "ref_type",
        "repository",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "run_attempt",
        "run_id",
        "run_number",
        "sha",
        "sub",
        "workflow",
        "workflow_ref",
    ],
    derived: &[Derived { name: "workflow_file", compute: workflow_file }],
    samples: &[Sample {
        name: "workflow_file",
        from: "workflow_ref",
        write: Write::With(|file, claims| workflow_ref::write_own(claims, FOLDERS[0], file)),
    }],
    recommended: &[
        ("workflow_file", "only this workflow, so that no other file of the repository can publish"),
        ("ref", "only what was tagged or merged so"),
        ("ref_protected", "only those whom the repository's rules allow can push there"),
    ],
    unmatchable: &[
        ("sub", "names and ids in it cannot be told apart; match on `ref` and the ids' own claims"),
        ("workflow", "a repository of any owner can have one of that name; use `workflow_file`"),
    ],
    case_insensitive: &["repository", "repository_owner"],
    run_claim: Some("run_id"),
    run_url: run_url::forgejo,
    repository: &["repository_id", "repository"],
    events: &[Events {
        claim: "event_name",
        default: &["push", "release", "workflow_dispatch", "schedule"],
        never: &[
            "pull_request",
            "pull_request_target",
            "pull_request_comment",
            "pull_request_review",
            "issue_comment",
            "workflow_run",
        ],
        advice: "publish from `push`, `release` or `workflow_dispatch` instead",
    }],
    risky_events: &["fork", "issues"],
    shapes: &[
        ("actor_id", Shape::Number),
        ("ref_protected", Shape::Flag),
        ("ref_type", Shape::OneOf(&["branch", "tag"])),
        ("repository_id", Shape::Number),
        ("repository_owner_id", Shape::Number),
        ("run_attempt", Shape::Number),
        ("run_id", Shape::Number),
        ("run_number", Shape::Number),
    ],
    advice: &[Advice {
        code: Code::AnyRun,
        on: None,
        wants: &[
            RequestedScope::Any("ref"),
            RequestedScope::Any("ref_type"),
            RequestedScope::Any("sha"),
            RequestedScope::Any("workflow_file"),
            RequestedScope::Any("workflow_ref"),
            RequestedScope::Exactly("ref_protected", "true"),
        ],
        message: "every workflow on every branch of the repository may publish",
        help: "fix the `workflow_file` and the `ref`",
    }],
    notes: |_| IDS_PER_INSTANCE,
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
