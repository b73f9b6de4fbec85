//! Azure DevOps.
//!
//! Source: Microsoft's REST API "Oidctoken - Create" and its documentation of workload identity
//! federation. A pipeline's token has `sub` `p://organization/project/pipeline` and ids; a service
//! connection's has `sc://organization/project/connection`, and Entra's, which replaces it by July
//! 2027, the connection's ids below `/eid1/`. Names in `sub` are an organization's own, whose id is in
//! `iss`. All tokens have the audience that every customer's have.

use url::Url;

use super::{
    Claims, Derived, Events, ISSUER_RETIRES, Kind, Note, Sample, Shape, Stated, Write, contradiction,
    host_of, is_on_host, is_uuid, origin, path_segments, stated,
};
use crate::denial::Denial;

const HOST: &str = "vstoken.dev.azure.com";
const ENTRA: &str = "login.microsoftonline.com";

pub(super) const KIND: Kind = Kind {
    name: "azure-devops",
    // Entra signs for much else, so plain `oidc` may have its host.
    owns_url: |url| is_on_host(url, HOST),
    check_url,
    shared_audience: Some("api://AzureADTokenExchange"),
    fixed_audience: |_| Some("api://AzureADTokenExchange"),
    pins: &["sub"],
    vocabulary: &[
        "aud", "def_id", "exp", "iat", "iss", "jti", "nbf", "org_id", "prj_id", "rpo_id", "rpo_ref",
        "rpo_uri", "rpo_ver", "run_id", "sub",
    ],
    derived: &[Derived { name: origin::CLAIM, compute: code_origin }],
    samples: &[Sample {
        name: origin::CLAIM,
        from: "rpo_ref",
        write: Write::Values(&[
            (origin::OWN, Some("refs/heads/main")),
            (origin::PULL_REQUEST, Some("refs/pull/1/merge")),
            (origin::UNSTATED, None),
        ]),
    }],
    recommended: &[("rpo_ref", "only what was tagged or merged so")],
    run_claim: Some("run_id"),
    repository: &["rpo_id", "rpo_uri"],
    events: &[Events {
        claim: origin::CLAIM,
        default: &[origin::OWN, origin::UNSTATED],
        never: &[origin::PULL_REQUEST],
        advice: "complete the pull request, and publish from the repository's own branch or tag",
    }],
    check: organization_agrees_with_issuer,
    shapes: &[
        ("def_id", Shape::Number),
        ("org_id", Shape::Uuid),
        ("prj_id", Shape::Uuid),
        ("rpo_id", Shape::Uuid),
        ("run_id", Shape::Number),
    ],
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
    let origin = match stated(claims, "rpo_ref") {
        Stated::Not => origin::UNSTATED,
        Stated::As(name) => origin::of_ref(&name)?,
        Stated::Unreadably => return None,
    };
    Some(origin.to_owned())
}

fn organization_agrees_with_issuer(claims: &Claims) -> Result<(), Denial> {
    let issuer = claims.text("iss").and_then(|iss| iss.strip_prefix("https://")?.strip_prefix(HOST));
    let agrees = match (issuer, stated(claims, "org_id")) {
        (None, _) | (_, Stated::Not) => true,
        (Some(path), Stated::As(id)) => path.strip_prefix('/') == Some(&*id),
        (Some(_), Stated::Unreadably) => false,
    };
    if agrees {
        return Ok(());
    }
    Err(contradiction(claims, "org_id", "the organization is not the one that `iss` names"))
}
