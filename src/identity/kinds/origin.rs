//! `code_origin`: whose code a run executes. One claim with the same words for every kind that can
//! derive it, because no two platforms say it in the same way, and some not at all.

/// The claim's name.
pub(super) const CLAIM: &str = "code_origin";
/// The repository's own: a branch or a tag of it.
pub(super) const OWN: &str = "own";
/// A fork's, so a stranger's.
pub(super) const FORK: &str = "fork";
/// What a pull or merge request proposes, from a fork or not.
pub(super) const PULL_REQUEST: &str = "pull-request";
/// The platform's token does not say.
pub(super) const UNSTATED: &str = "unstated";

/// What the name of a git ref tells; nothing if it is not a whole name of a branch, a tag or a request.
pub(super) fn of_ref(name: &str) -> Option<&'static str> {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if begins(&["refs/pull/", "refs/pull-requests/", "refs/merge-requests/"]) {
        Some(PULL_REQUEST)
    } else {
        begins(&["refs/heads/", "refs/tags/"]).then_some(OWN)
    }
}
