//! NuGet.org, and BaGet and its like.

use super::super::route::{Route, on, read};
use crate::registry::Action::{Publish, Yank};

pub(super) const ROUTES: &[Route] = &[
    on("PUT", "/api/v2/package", &[Publish]),
    on("PUT", "/api/v2/package/", &[Publish]),
    on("PUT", "/api/v2/symbolpackage", &[Publish]),
    on("PUT", "/api/v2/symbolpackage/", &[Publish]),
    on("POST", "/api/v2/package/create-verification-key/{package}", &[Publish]),
    on("POST", "/api/v2/package/create-verification-key/{package}/{}", &[Publish]),
    // DELETE unlists, POST lists again.
    on("DELETE POST", "/api/v2/package/{package}/{}", &[Yank]),
    read("/api/v2/package/{package}/{}"),
    read("/api/v2/verifykey/{package}"),
    read("/api/v2/verifykey/{package}/{}"),
    read("/v3/index.json"),
    read("/v3/search"),
    read("/v3/autocomplete"),
    read("/v3/registration/{package}/{}"),
    read("/v3/registration/{package}/{}/{}"),
    read("/v3/package/{package}/index.json"),
    read("/v3/package/{package}/{}/{}"),
    read("/v3-flatcontainer/{package}/index.json"),
    read("/v3-flatcontainer/{package}/{}/{}"),
];
