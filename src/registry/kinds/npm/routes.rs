//! The npm registry, and verdaccio and its like.

use super::super::route::{Route, on, read};
use crate::registry::Action::{Owner, Publish, Read, Yank};

pub(super) const ROUTES: &[Route] = &[
    // Also `npm deprecate`.
    on("PUT", "/{package}", &[Publish]),
    on("POST", "/-/stage/package/{package}", &[Publish]),
    on("PUT POST DELETE", "/-/package/{package}/dist-tags/{}", &[Publish]),
    on("POST PUT", "/-/package/{package}/dist-tags", &[Publish]),
    // `npm unpublish` of one version begins like `npm owner`: with a changed document of the package.
    on("PUT", "/{package}/-rev/{}", &[Yank, Owner]),
    on("DELETE", "/{package}/-rev/{}", &[Yank]),
    on("DELETE", "/{package}/-/{}/-rev/{}", &[Yank]),
    on("POST", "/-/package/{package}/access", &[Owner]),
    read("/{package}"),
    read("/{package}/{}"),
    read("/{package}/-/{}"),
    read("/{package}/-/{}/{}"),
    read("/-/package/{package}/dist-tags"),
    read("/-/package/{package}/visibility"),
    read("/-/package/{package}/collaborators"),
    read("/-/ping"),
    read("/-/whoami"),
    read("/-/npm/v1/keys"),
    read("/-/v1/search"),
    on("POST", "/-/npm/v1/security/audits", &[Read]),
    on("POST", "/-/npm/v1/security/audits/quick", &[Read]),
    on("POST", "/-/npm/v1/security/advisories/bulk", &[Read]),
];
