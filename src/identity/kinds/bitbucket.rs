//! Bitbucket Pipelines.
//!
//! Source: Atlassian's "Integrate Pipelines with resource servers using OIDC". Every id is a UUID in
//! literal braces; `sub` ends with the step's, so it is another one each time.

use super::{Advice, Guidance, Kind, Requirement, UrlRules, claim, host_of, is_on_host, path_segments};
use crate::toml_reader::Code;

pub(super) const KIND: Kind = Kind {
    name: "bitbucket",
    urls: UrlRules {
        owns: |url| is_on_host(url, "api.bitbucket.org"),
        check: |url| match path_segments(url)[..] {
            ["2.0", "workspaces", workspace, "pipelines-config", "identity", "oidc"]
                if !workspace.is_empty() =>
            {
                Ok(())
            }
            _ if host_of(url) == "api.bitbucket.org" => Err("a workspace's issuer is \
            https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc"),
            _ => Ok(()),
        },
        ..UrlRules::NONE
    },
    claims: &[
        claim("workspaceUuid").braced_uuid().pin(),
        claim("repositoryUuid").braced_uuid().pin().repository(),
        claim("deploymentEnvironmentUuid").braced_uuid().recommended("its permissions guard every publish"),
        claim("branchName").recommended("only what is merged to this branch"),
        claim("pipelineUuid").braced_uuid().run(),
        claim("accountUuid").braced_uuid(),
        claim("aud"),
        claim("exp"),
        claim("iat"),
        claim("iss"),
        claim("jti"),
        claim("nbf"),
        claim("stepUuid").braced_uuid(),
        claim("sub"),
    ],
    missing_pin_hint: Some("is this a Bitbucket step's `BITBUCKET_STEP_OIDC_TOKEN`?"),
    guidance: Guidance {
        advice: &[Advice {
            code: Code::AnyRun,
            on: None,
            requirements: &[Requirement::Any("branchName"), Requirement::Any("deploymentEnvironmentUuid")],
            message: "every pipeline of the repository may publish, whatever its branch",
            help: "fix the `deploymentEnvironmentUuid`, or the `branchName`",
        }],
        ..Guidance::NONE
    },
    ..Kind::UNKNOWN
};
