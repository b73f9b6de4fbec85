//! crates.io and compatible registries.

mod exchange;
mod routes;

use super::KindSpec;

pub(super) const KIND: KindSpec = KindSpec {
    name: "crates",
    min_token_ttl: 60,
    // The login action of crates.io leaves out the scheme.
    default_audiences: |host| vec![host.to_owned()],
    default_upload_paths: &[],
    canonical_name,
    name_rule: "a crate name has up to 64 ASCII letters, digits, `-` and `_`, and begins with a letter",
    has_scoped_names: false,
    dialect: Some(&exchange::DIALECT),
    routes: routes::ROUTES,
};

/// crates.io treats `-` as `_` and ignores case when it checks whether a name is taken.
fn canonical_name(name: &str) -> Option<String> {
    let is_well_formed = name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_well_formed.then(|| name.to_ascii_lowercase().replace('_', "-"))
}
