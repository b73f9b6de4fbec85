//! PyPI and compatible indexes.

mod exchange;
mod routes;

use super::KindSpec;

pub(super) const KIND: KindSpec = KindSpec {
    name: "pypi",
    // PEP 807 forbids less than 15 minutes.
    min_token_ttl: 900,
    default_audiences: |host| vec![host.to_owned()],
    default_upload_paths: &["/legacy/"],
    canonical_name,
    name_rule: "a PyPI name has ASCII letters, digits, `.`, `-` and `_`, and begins and ends with a letter or digit",
    has_scoped_names: false,
    dialect: Some(&exchange::DIALECT),
    routes: routes::ROUTES,
};

/// PEP 503: runs of `.`, `-` and `_` are one `-`, and case is ignored.
fn canonical_name(name: &str) -> Option<String> {
    let is_well_formed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.ends_with(|last: char| last.is_ascii_alphanumeric());
    if !is_well_formed {
        return None;
    }
    let mut canonical = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            canonical.push(letter.to_ascii_lowercase());
        } else if !canonical.ends_with('-') {
            canonical.push('-');
        }
    }
    Some(canonical)
}

#[cfg(test)]
mod tests {
    use super::canonical_name;

    #[test]
    fn pypi_names_follow_pep_503() {
        for name in [
            "Friendly-Bard",
            "FRIENDLY-BARD",
            "friendly.bard",
            "friendly_bard",
            "friendly--bard",
            "FrIeNdLy-._.-bArD",
        ] {
            assert_eq!(canonical_name(name).as_deref(), Some("friendly-bard"));
        }
        for name in ["-a", "a-", ".", "a b", "ä", "a/b", "a*", "*"] {
            assert_eq!(canonical_name(name), None, "{name}");
        }
    }
}
