//! Any registry whose clients use the native endpoints.

mod routes;

use super::KindSpec;

pub(super) const KIND: KindSpec = KindSpec {
    name: "generic",
    min_token_ttl: 60,
    default_audiences: |host| vec![host.to_owned()],
    default_upload_paths: &[],
    canonical_name,
    name_rule: "a package name has no spaces, control characters or wildcards",
    has_scoped_names: false,
    dialect: None,
    routes: routes::ROUTES,
};

/// Names of unknown registries are compared byte by byte.
fn canonical_name(name: &str) -> Option<String> {
    let is_forbidden = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '*' | '?');
    (!name.contains(is_forbidden)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::canonical_name;

    #[test]
    fn generic_names_are_compared_byte_by_byte() {
        assert_ne!(canonical_name("A"), canonical_name("a"));
        assert_eq!(canonical_name("a*"), None);
        assert_eq!(canonical_name("a\nb"), None);
    }
}
