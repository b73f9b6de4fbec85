//! HCP Terraform and Terraform Enterprise, by workload identity tokens of a workspace's runs.
//!
//! Source: HashiCorp's "Workload identity tokens". Ids are strings such as `ws-…`; `sub` is made of
//! names. A token lives as long as its phase may take.

use url::Url;

use super::{AudienceRules, EventRule, Kind, UrlRules, claim, host_of, path_segments};

pub(super) const KIND: Kind = Kind {
    name: "terraform",
    urls: UrlRules {
        default: Some("https://app.terraform.io"),
        owns: |url| Url::parse(url).is_ok_and(|url| is_hashicorps(&url)),
        check: check_url,
        ..UrlRules::NONE
    },
    audiences: AudienceRules { shared: Some("aws.workload.identity"), ..AudienceRules::NONE },
    claims: &[
        claim("terraform_organization_id").pin(),
        claim("terraform_workspace_id").pin().repository(),
        claim("terraform_full_workspace").repository(),
        claim("terraform_run_id").run(),
        claim("aud"),
        claim("exp"),
        claim("iat"),
        claim("iss"),
        claim("jti"),
        claim("nbf"),
        claim("ref"),
        claim("sub").unmatchable("it is made of names; match on the claims of each"),
        claim("terraform_organization_name"),
        claim("terraform_project_id"),
        claim("terraform_project_name"),
        claim("terraform_run_phase"),
        claim("terraform_workspace_name"),
    ],
    missing_pin_hint: Some("is this the token of a workspace's run? Stacks have no workspace"),
    events: &[EventRule {
        claim: "terraform_run_phase",
        default: &["apply"],
        forbidden: &["plan"],
        advice: "publish in the apply phase: a speculative plan runs the code of a pull request",
        risky: &[],
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
