//! Google accounts and service accounts.
//!
//! Source: Google's "OpenID Connect" reference and its documentation of service accounts' ID tokens.
//! `sub` is the account's number, which is never given to another; `email` is a name.

use super::{Kind, host_of, is_on_host, path_segments};

pub(super) const KIND: Kind = Kind {
    name: "google",
    default_url: Some("https://accounts.google.com"),
    owns_url: |url| is_on_host(url, "accounts.google.com"),
    check_url: |url| match &path_segments(url)[..] {
        [_, ..] if host_of(url) == "accounts.google.com" => Err("the issuer is https://accounts.google.com"),
        _ => Ok(()),
    },
    keys_host: Some("www.googleapis.com"),
    pins: &["sub"],
    vocabulary: &[
        "at_hash",
        "aud",
        "azp",
        "email",
        "email_verified",
        "exp",
        "family_name",
        "given_name",
        "google",
        "hd",
        "iat",
        "iss",
        "locale",
        "name",
        "nbf",
        "nonce",
        "picture",
        "sub",
    ],
    unfit: &[("name", "it is a display name that the account's owner chooses; pin `sub`")],
    repository: &["email"],
    ..Kind::UNKNOWN
};
