//! Issuers' URLs, taken apart.

use url::Url;

/// Whether a URL is on this host, in any spelling.
pub(super) fn is_on_host(url: &str, host: &str) -> bool {
    Url::parse(url).is_ok_and(|url| host_of(&url) == host)
}

/// The host, without the dot that may end it.
pub(super) fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_end_matches('.')
}

/// The segments of a path; none of `/` itself. A trailing slash is an empty segment.
pub(super) fn path_segments(url: &Url) -> Vec<&str> {
    url.path().split('/').skip(1).skip_while(|_| url.path() == "/").collect()
}

/// For a platform with one issuer for everyone, on this host: nothing on it has a path. Other hosts
/// are the operator's.
pub(super) fn no_path(url: &Url, host: &str, otherwise: &'static str) -> Result<(), &'static str> {
    if host_of(url) == host && !path_segments(url).is_empty() { Err(otherwise) } else { Ok(()) }
}

/// Lower-case hexadecimal digits in groups of 8, 4, 4, 4 and 12 (RFC 9562 §4), as issuers write it.
pub(super) fn is_uuid(text: &str) -> bool {
    let is_group = |(group, length): (&str, usize)| {
        group.len() == length && group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    text.split('-').count() == 5 && text.split('-').zip([8, 4, 4, 4, 12]).all(is_group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_has_one_form() {
        assert!(is_uuid("0c42a6f9-2f3b-4c06-8a1e-9f5a3f5cd7b1"));
        for other in [
            "0C42A6F9-2f3b-4c06-8a1e-9f5a3f5cd7b1",
            "0c42a6f92f3b4c068a1e9f5a3f5cd7b1",
            "{0c42a6f9-2f3b-4c06-8a1e-9f5a3f5cd7b1}",
            "0c42a6f9-2f3b-4c06-8a1e-9f5a3f5cd7b",
            "0c42a6f9-2f3b-4c06-8a1e-9f5a3f5cd7b1-",
            "",
        ] {
            assert!(!is_uuid(other), "{other}");
        }
    }

    #[test]
    fn issuer_path_has_segments() {
        let segments = |url: &str| path_segments(&Url::parse(url).expect("a URL")).len();
        assert_eq!(segments("https://ci.example.com"), 0);
        assert_eq!(segments("https://ci.example.com/a"), 1);
        assert_eq!(segments("https://ci.example.com/a/"), 2);
    }
}
