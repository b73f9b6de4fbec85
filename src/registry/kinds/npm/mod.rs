//! The npm registry and compatible ones.

mod exchange;
mod routes;

use super::KindSpec;

pub(super) const KIND: KindSpec = KindSpec {
    name: "npm",
    min_token_ttl: 60,
    default_audiences,
    default_upload_paths: &[],
    canonical_name,
    name_rule: "an npm name is `name` or `@scope/name`, of ASCII letters, digits, `-`, `.`, `_` and `~`",
    has_scoped_names: true,
    dialect: Some(&exchange::DIALECT),
    routes: routes::ROUTES,
};

/// npm and pnpm leave out the port; yarn does not.
fn default_audiences(host: &str) -> Vec<String> {
    let mut audiences = vec![format!("npm:{}", without_port(host)), format!("npm:{host}")];
    audiences.dedup();
    audiences
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// npm compares names byte by byte: old packages have capitals.
fn canonical_name(name: &str) -> Option<String> {
    let parts = match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').map(|(scope, name)| vec![scope, name]),
        None => Some(vec![name]),
    };
    let is_part = |part: &&str| {
        !part.is_empty()
            && !part.starts_with(['.', '_'])
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    parts.is_some_and(|parts| parts.iter().all(is_part)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::default_audiences;

    #[test]
    fn npm_audiences_cover_hosts_with_and_without_port() {
        assert_eq!(default_audiences("npm.example.com"), ["npm:npm.example.com"]);
        assert_eq!(
            default_audiences("npm.example.com:8443"),
            ["npm:npm.example.com", "npm:npm.example.com:8443"]
        );
        assert_eq!(default_audiences("[::1]:8443"), ["npm:[::1]", "npm:[::1]:8443"]);
    }
}
