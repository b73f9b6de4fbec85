//! Refs that say too little: W108.

use crate::policy::tools::lint::implied::matches;
use crate::policy::tools::lint::subject::{Finding, Subject};
use crate::toml_reader::Code;

/// Claims that name a tag in full, where an issuer signs them.
const REFS: [&str; 2] = ["ref", "ref_path"];

/// What makes it matter less who pushes tags.
const GUARDS: [&str; 7] = [
    "ci_config_ref_uri",
    "config_file",
    "environment",
    "job_workflow_file",
    "job_workflow_ref",
    "workflow_file",
    "workflow_ref",
];

pub(in crate::policy) fn any_tag(subject: &Subject<'_>) -> Vec<Finding> {
    let is_guarded = GUARDS.iter().any(|claim| subject.narrows(claim).is_some())
        || subject.requires("ref_protected", "true");
    let allows_any = |claim: &&&str| {
        let condition = subject.narrows(claim);
        condition.is_some_and(|condition| {
            ["refs/tags/0", "refs/tags/any"].iter().all(|tag| matches(condition, tag))
        })
    };
    let by_name = REFS.iter().find(allows_any).copied();
    let by_type =
        subject.requires("ref_type", "tag") && REFS.iter().all(|claim| subject.narrows(claim).is_none());
    let Some(claim) = by_name.or(by_type.then_some("ref_type")).filter(|_| !is_guarded) else {
        return Vec::new();
    };
    let message = "anyone who may push a tag may publish, with whatever workflow is in it";
    let help = "fix the workflow's file or the environment too, or require `ref_protected = \"true\"`";
    vec![Finding::new(Code::AnyTag, message, help).on(claim)]
}
