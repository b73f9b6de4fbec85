//! Names where ids should be: W101, W102, W103, W114.

use crate::identity::kinds::SubjectForm;
use crate::policy::Pattern;
use crate::policy::tools::lint::subject::{Finding, Subject};
use crate::toml_reader::Code;

/// Claims that are names of anyone who owns the code, at issuers that the operator describes.
const NAMES: [&str; 20] = [
    "account",
    "account_name",
    "actor",
    "email",
    "group",
    "namespace",
    "namespace_path",
    "organization",
    "organization_name",
    "organization_slug",
    "owner",
    "pipeline_slug",
    "project",
    "project_name",
    "project_path",
    "repository",
    "repository_owner",
    "user_login",
    "username",
    "workspace",
];

/// W101, at issuers whose pins the operator names; a kind knows what its `sub` is worth.
pub(in crate::policy) fn only_subject(subject: &Subject<'_>) -> Vec<Finding> {
    let alone = subject.conditions().all(|condition| &*condition.claim == "sub");
    if subject.issuer.kind.has_pins() || !alone {
        return Vec::new();
    }
    let message = "the policy hangs on `sub` alone, whose form the issuer or its users may change";
    let help = "match on what else the issuer signs, such as an id, the branch or the workflow";
    vec![Finding::new(Code::OnlySubject, message, help).on("sub")]
}

/// W102 and W114.
pub(in crate::policy) fn subject_form(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(condition) = subject.on("sub") else { return Vec::new() };
    let finding = |pattern: &Pattern| {
        let text = match pattern {
            Pattern::Exact(text) | Pattern::Prefix(text) => text,
            Pattern::Glob(glob) => glob.as_str(),
            Pattern::Present(_) | Pattern::Contains(_) => return None,
        };
        let (code, message, help) = match (subject.issuer.kind.guidance.subject_form)(text) {
            SubjectForm::Fine => return None,
            SubjectForm::Names(help) => {
                (Code::LegacySubject, "this form of `sub` is made of names: it ends with a renaming", help)
            }
            SubjectForm::Custom(help) => {
                (Code::CustomSubject, "a customised template made this `sub`, and may make another", help)
            }
        };
        Some(Finding::new(code, message, help).on("sub"))
    };
    condition.any_of.iter().find_map(finding).into_iter().collect()
}

/// W103, at issuers whose pins the operator names.
pub(in crate::policy) fn name_without_id(subject: &Subject<'_>) -> Vec<Finding> {
    let is_id = |claim: &str| claim.to_ascii_lowercase().ends_with("id");
    if subject.issuer.kind.has_pins() || subject.conditions().any(|condition| is_id(&condition.claim)) {
        return Vec::new();
    }
    let is_name = |claim: &&str| NAMES.contains(claim);
    let claims = subject.conditions().map(|condition| &*condition.claim);
    let finding = |claim: &str| {
        let message = format!("`{claim}` is a name: anyone who has it next may publish");
        Finding::new(Code::NameWithoutId, message, "match on an id that the issuer signs").on(claim)
    };
    claims.filter(is_name).map(finding).collect()
}
