//! Azure DevOps.
//!
//! Source: Microsoft's REST API "Oidctoken - Create" and its documentation of workload identity
//! federation. A pipeline's token has `sub` `p://organization/project/pipeline` and ids; a service
//! connection's has `sc://organization/project/connection`, and Entra's, which replaces it by July
//! 2027, the connection's ids below `/eid1/`. Names in `sub` are an organization's own, whose id is in
//! `iss`. All tokens have the audience that every customer's have.

use url::Url;

use super::{
    AudienceRules, ClaimState, Claims, EventRule, Guidance, ISSUER_RETIRES, Kind, Note, Synthesizer,
    UrlRules, claim, claim_state, contradiction, derived, host_of, is_on_host, is_uuid, origin,
    path_segments,
};
use crate::denial::Denial;

const HOST: &str = "vstoken.dev.azure.com";
const ENTRA: &str = "login.microsoftonline.com";

pub(super) const KIND: Kind = Kind {
    name: "azure-devops",
    urls: UrlRules {
        // Entra signs for much else, so plain `oidc` may have its host.
        owns: |url| is_on_host(url, HOST),
        check: check_url,
        ..UrlRules::NONE
    },
    audiences: AudienceRules {
        shared: Some("api://AzureADTokenExchange"),
        fixed: |_| Some("api://AzureADTokenExchange"),
    },
    claims: &[
        derived(
            origin::CLAIM,
            code_origin,
            "rpo_ref",
            Synthesizer::Table(&[
                (origin::OWN, Some("refs/heads/main")),
                (origin::PULL_REQUEST, Some("refs/pull/1/merge")),
                (origin::UNSTATED, None),
            ]),
        ),
        claim("sub").pin(),
        claim("rpo_id").uuid().repository(),
        claim("rpo_uri").repository(),
        claim("rpo_ref").recommended("only what was tagged or merged so"),
        claim("run_id").number().run(),
        claim("aud"),
        claim("def_id").number(),
        claim("exp"),
        claim("iat"),
        claim("iss"),
        claim("jti"),
        claim("nbf"),
        claim("org_id").uuid(),
        claim("prj_id").uuid(),
        claim("rpo_ver"),
    ],
    check: organization_agrees_with_issuer,
    events: &[EventRule {
        claim: origin::CLAIM,
        default: &[origin::OWN, origin::UNSTATED],
        forbidden: &[origin::PULL_REQUEST],
        advice: "complete the pull request, and publish from the repository's own branch or tag",
        risky: &[],
    }],
    guidance: Guidance {
        notes: |url| {
            if !is_on_host(url, HOST) {
                return &[];
            }
            &[Note {
                code: ISSUER_RETIRES,
                text: "vstoken.dev.azure.com ends on 2027-07-01: move its service connections to Entra's issuer",
                is_urgent: true,
            }]
        },
        ..Guidance::NONE
    },
    ..Kind::UNKNOWN
};

fn check_url(url: &Url) -> Result<(), &'static str> {
    match (host_of(url), &path_segments(url)[..]) {
        (HOST, [organization]) if is_uuid(organization) => Ok(()),
        (HOST, _) => Err("an organization's issuer is https://vstoken.dev.azure.com/UUID, in lower case"),
        (ENTRA, [tenant, "v2.0"]) if is_uuid(tenant) => Ok(()),
        (ENTRA, _) => Err("a tenant's issuer is https://login.microsoftonline.com/UUID/v2.0, in lower case"),
        _ => Ok(()),
    }
}

/// A pull request's validation build runs on `refs/pull/N/merge`. A service connection's token does
/// not say what it runs on; the connection's own checks guard it.
fn code_origin(claims: &Claims) -> Option<String> {
    let origin = match claim_state(claims, "rpo_ref") {
        ClaimState::Absent => origin::UNSTATED,
        ClaimState::Value(name) => origin::of_ref(&name)?,
        ClaimState::Invalid => return None,
    };
    Some(origin.to_owned())
}

fn organization_agrees_with_issuer(claims: &Claims) -> Result<(), Denial> {
    let issuer = claims.text("iss").and_then(|iss| iss.strip_prefix("https://")?.strip_prefix(HOST));
    let agrees = match (issuer, claim_state(claims, "org_id")) {
        (None, _) | (_, ClaimState::Absent) => true,
        (Some(path), ClaimState::Value(id)) => path.strip_prefix('/') == Some(&*id),
        (Some(_), ClaimState::Invalid) => false,
    };
    if agrees {
        return Ok(());
    }
    Err(contradiction(claims, "org_id", "the organization is not the one that `iss` names"))
}
