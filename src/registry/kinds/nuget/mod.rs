//! NuGet.org and compatible feeds.

mod exchange;
mod routes;

use super::KindSpec;

pub(super) const KIND: KindSpec = KindSpec {
    name: "nuget",
    min_token_ttl: 60,
    // The default of the login action is the registry's URL.
    default_audiences: |host| vec![format!("https://{host}"), host.to_owned()],
    default_upload_paths: &[],
    canonical_name,
    name_rule: "a NuGet id has up to 100 ASCII letters, digits and `_`, parted by single `.` and `-`",
    has_scoped_names: false,
    dialect: Some(&exchange::DIALECT),
    routes: routes::ROUTES,
};

/// NuGet ignores case.
fn canonical_name(name: &str) -> Option<String> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    (name.len() <= 100 && name.split(['.', '-']).all(is_word)).then(|| name.to_ascii_lowercase())
}
