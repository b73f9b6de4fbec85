//! Bitbucket Pipelines.
//!
//! Source: Atlassian's "Integrate Pipelines with resource servers using OIDC". Every id is a UUID in
//! literal braces; `sub` ends with the step's, so it is another one each time.

use super::{Advice, Kind, RequestedScope, Shape, host_of, is_on_host, path_segments};
use crate::toml_reader::Code;

pub(super) const KIND: Kind = Kind {
    name: "bitbucket",
    owns_url: |url| is_on_host(url, "api.bitbucket.org"),
    check_url: |url| match path_segments(url)[..] {
        ["2.0", "workspaces", workspace, "pipelines-config", "identity", "oidc"] if !workspace.is_empty() => {
            Ok(())
        }
        _ if host_of(url) == "api.bitbucket.org" => Err("a workspace's issuer is \
            https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc"),
        _ => Ok(()),
    },
    pins: &["workspaceUuid", "repositoryUuid"],
    missing_pin_hint: Some("is this a Bitbucket step's `BITBUCKET_STEP_OIDC_TOKEN`?"),
    vocabulary: &[
        "accountUuid",
        "aud",
        "branchName",
        "deploymentEnvironmentUuid",
        "exp",
        "iat",
        "iss",
        "jti",
        "nbf",
        "pipelineUuid",
        "repositoryUuid",
        "stepUuid",
        "sub",
        "workspaceUuid",
    ],
    recommended: &[
        ("deploymentEnvironmentUuid", "its permissions guard every publish"),
        ("branchName", "only what is merged to this branch"),
    ],
    run_claim: Some("pipelineUuid"),
    repository: &["repositoryUuid"],
    shapes: &[
        ("accountUuid", Shape::BracedUuid),
        ("deploymentEnvironmentUuid", Shape::BracedUuid),
        ("pipelineUuid", Shape::BracedUuid),
        ("repositoryUuid", Shape::BracedUuid),
        ("stepUuid", Shape::BracedUuid),
        ("workspaceUuid", Shape::BracedUuid),
    ],
    advice: &[Advice {
        code: Code::AnyRun,
        on: None,
        wants: &[RequestedScope::Any("branchName"), RequestedScope::Any("deploymentEnvironmentUuid")],
        message: "every pipeline of the repository may publish, whatever its branch",
        help: "fix the `deploymentEnvironmentUuid`, or the `branchName`",
    }],
    ..Kind::UNKNOWN
};
