//! RubyGems.org and its like.

use super::super::route::{Route, on, read};
use crate::registry::Action::{Owner, Publish, Yank};

pub(super) const ROUTES: &[Route] = &[
    on("POST", "/api/v1/gems", &[Publish]),
    // The gem is in the body.
    on("DELETE", "/api/v1/gems/yank", &[Yank]),
    on("PUT", "/api/v1/gems/unyank", &[Yank]),
    on("POST PUT PATCH DELETE", "/api/v1/gems/{package}/owners", &[Owner]),
    on("POST PUT PATCH DELETE", "/api/v1/gems/{package}/owners.json", &[Owner]),
    read("/api/v1/gems/{package}/owners"),
    read("/api/v1/gems/{package}/owners.json"),
    read("/api/v1/gems/{package}/owners.yaml"),
    read("/api/v1/gems/{package}.json"),
    read("/api/v1/gems/{package}.yaml"),
    read("/api/v1/versions/{package}.json"),
    read("/api/v1/versions/{package}.yaml"),
    read("/api/v1/search.json"),
    read("/api/v1/dependencies"),
    read("/info/{package}"),
    read("/names"),
    read("/versions"),
    read("/specs.4.8.gz"),
    read("/latest_specs.4.8.gz"),
    read("/prerelease_specs.4.8.gz"),
    // `a-2-1.0.gem` may be a version of `a` or of `a-2`.
    read("/gems/{}"),
    read("/quick/Marshal.4.8/{}"),
];
