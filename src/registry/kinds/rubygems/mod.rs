//! RubyGems.org and compatible servers.

mod exchange;
mod routes;

use super::KindSpec;

pub(super) const KIND: KindSpec = KindSpec {
    name: "rubygems",
    min_token_ttl: 60,
    default_audiences: |host| vec![host.to_owned()],
    default_upload_paths: &[],
    canonical_name,
    name_rule: "a gem name has ASCII letters, digits, `.`, `-` and `_`, and begins with a letter or digit",
    has_scoped_names: false,
    dialect: Some(&exchange::DIALECT),
    routes: routes::ROUTES,
};

/// Gem servers compare names byte by byte.
fn canonical_name(name: &str) -> Option<String> {
    let is_well_formed = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_well_formed.then(|| name.to_owned())
}
