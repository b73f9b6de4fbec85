//! HCP Terraform and Terraform Enterprise, by workload identity tokens of a workspace's runs.
//!
//! Source: HashiCorp's "Workload identity tokens". Ids are strings such as `ws-…`; `sub` is made of
//! names. A token lives as long as its phase may take.

use url::Url;

use super::{Events, Kind, host_of, path_segments};

pub(super) const KIND: Kind = Kind {
    name: "terraform",
    default_url: Some("https://app.terraform.io"),
    owns_url: |url| Url::parse(url).is_ok_and(|url| is_hashicorps(&url)),
    check_url,
    shared_audience: Some("aws.workload.identity"),
    pins: &["terraform_organization_id", "terraform_workspace_id"],
    missing_pin_hint: Some("is this the token of a workspace's run? Stacks have no workspace"),
    vocabulary: &[
        "aud",
        "exp",
        "iat",
        "iss",
        "jti",
        "nbf",
        "ref",
        "sub",
        "terraform_full_workspace",
        "terraform_organization_id",
        "terraform_organization_name",
        "terraform_project_id",
        "terraform_project_name",
        "terraform_run_id",
        "terraform_run_phase",
        "terraform_workspace_id",
        "terraform_workspace_name",
    ],
    unmatchable: &[("sub", "it is made of names; match on the claims of each")],
    run_claim: Some("terraform_run_id"),
    repository: &["terraform_workspace_id", "terraform_full_workspace"],
    events: &[Events {
        claim: "terraform_run_phase",
        default: &["apply"],
        never: &["plan"],
        advice: "publish in the apply phase: a speculative plan runs the code of a pull request",
    }],
    ..Kind::UNKNOWN
};

fn is_hashicorps(url: &Url) -> bool {
    host_of(url).ends_with(".terraform.io")
}

/// Terraform Enterprise has an issuer on its own host.
fn check_url(url: &Url) -> Result<(), &'static str> {
    if path_segments(url).is_empty() || !is_hashicorps(url) {
        return Ok(());
    }
    Err("HCP Terraform's issuer is https://app.terraform.io, without a path")
}
