//! Machines that outlive the job: W109.

use crate::policy::tools::lint::implied::matches;
use crate::policy::tools::lint::subject::{Finding, Subject};
use crate::toml_reader::Code;

const RUNNER: &str = "runner_environment";
const SELF_HOSTED: &str = "self-hosted";

/// How visible a repository is, by the kind's own name for it.
const VISIBILITIES: [&str; 2] = ["repository_visibility", "project_visibility"];

pub(in crate::policy) fn public_self_hosted(subject: &Subject<'_>) -> Vec<Finding> {
    let runner = subject.on(RUNNER);
    let names_self_hosted = runner.is_some_and(|condition| matches(condition, SELF_HOSTED));
    let is_denied = subject.policy.denies.iter().any(|group| {
        group.iter().all(|condition| &*condition.claim == RUNNER && matches(condition, SELF_HOSTED))
    });
    let visibility = VISIBILITIES.iter().find_map(|claim| subject.on(claim));
    let names_public = visibility.is_some_and(|condition| matches(condition, "public"));
    // What is said of neither is no one's finding: most repositories have no such runner.
    let claim = match (runner, visibility) {
        _ if is_denied => return Vec::new(),
        (Some(_), Some(_)) if names_self_hosted && names_public => RUNNER,
        (Some(_), None) if names_self_hosted => RUNNER,
        (None, Some(visibility)) if names_public => &*visibility.claim,
        _ => return Vec::new(),
    };
    let message = "a public repository's self-hosted runner may publish: what a stranger's pull request \
                   left on it runs beside the release";
    let help = "require hosted runners, or a repository that is not public";
    vec![Finding::new(Code::PublicSelfHosted, message, help).on(claim)]
}
