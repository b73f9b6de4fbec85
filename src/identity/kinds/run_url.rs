//! The address of a run's page, for the people who look into a leak. What claims say is escaped: their
//! authors choose names of branches and repositories, and an address must lead where it seems to.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::{Claims, host_of};
use crate::identity::Claim;

/// What a path may hold as it is; `/` parts owners from repositories.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// github.com, GHE.com, or the server itself.
pub(super) fn github(issuer: &str, claims: &Claims) -> Option<String> {
    let url = Url::parse(issuer).ok()?;
    let site = match host_of(&url).strip_prefix("token.actions.") {
        Some("githubusercontent.com") => "https://github.com".to_owned(),
        Some(tenant) => format!("https://{tenant}"),
        None => url.origin().ascii_serialization(),
    };
    let (repository, run) = (path(claims, "repository")?, path(claims, "run_id")?);
    let attempt =
        path(claims, "run_attempt").map_or_else(String::new, |attempt| format!("/attempts/{attempt}"));
    Some(format!("{site}/{repository}/actions/runs/{run}{attempt}"))
}

/// The job, or its pipeline.
pub(super) fn gitlab(issuer: &str, claims: &Claims) -> Option<String> {
    let (site, project) = (issuer.trim_end_matches('/'), path(claims, "project_path")?);
    let (what, id) = match path(claims, "job_id") {
        Some(job) => ("jobs", job),
        None => ("pipelines", path(claims, "pipeline_id")?),
    };
    Some(format!("{site}/{project}/-/{what}/{id}"))
}

/// The instance that the issuer belongs to.
pub(super) fn forgejo(issuer: &str, claims: &Claims) -> Option<String> {
    let url = Url::parse(issuer).ok()?;
    let site = url.origin().ascii_serialization();
    let (repository, run) = (path(claims, "repository")?, path(claims, "run_number")?);
    Some(format!("{site}/{repository}/actions/runs/{run}"))
}

/// The job within its build.
pub(super) fn buildkite(_: &str, claims: &Claims) -> Option<String> {
    let (organization, pipeline) = (path(claims, "organization_slug")?, path(claims, "pipeline_slug")?);
    let (build, job) = (path(claims, "build_number")?, path(claims, "job_id"));
    let job = job.map_or_else(String::new, |job| format!("#{job}"));
    Some(format!("https://buildkite.com/{organization}/{pipeline}/builds/{build}{job}"))
}

fn path(claims: &Claims, name: &str) -> Option<String> {
    let value = claims.at(name).and_then(Claim::canonical).filter(|value| !value.is_empty())?;
    Some(utf8_percent_encode(&value, PATH).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_url_names_the_run() {
        let claims = br#"{"repository":"acme/wid get?x","run_id":"7","run_attempt":"2","run_number":"3",
            "project_path":"acme/widget","job_id":"5","pipeline_id":"6","organization_slug":"acme",
            "pipeline_slug":"w","build_number":9}"#;
        let claims = Claims::parse(claims).expect("claims");
        for (url, issuer, expected) in [
            (
                github as fn(&str, &Claims) -> Option<String>,
                "https://token.actions.githubusercontent.com/acme",
                "https://github.com/acme/wid%20get%3Fx/actions/runs/7/attempts/2",
            ),
            (
                github,
                "https://token.actions.acme.ghe.com",
                "https://acme.ghe.com/acme/wid%20get%3Fx/actions/runs/7/attempts/2",
            ),
            (
                github,
                "https://git.corp.example:8443/_services/token",
                "https://git.corp.example:8443/acme/wid%20get%3Fx/actions/runs/7/attempts/2",
            ),
            (gitlab, "https://gitlab.com", "https://gitlab.com/acme/widget/-/jobs/5"),
            (
                forgejo,
                "https://forge.example:3000/api/actions",
                "https://forge.example:3000/acme/wid%20get%3Fx/actions/runs/3",
            ),
            (buildkite, "https://agent.buildkite.com", "https://buildkite.com/acme/w/builds/9#5"),
        ] {
            assert_eq!(url(issuer, &claims).as_deref(), Some(expected));
            assert_eq!(url(issuer, &Claims::default()), None, "{issuer}");
        }
    }
}
