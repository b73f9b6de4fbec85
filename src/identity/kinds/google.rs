//! Google accounts and service accounts.
//!
//! Source: Google's "OpenID Connect" reference and its documentation of service accounts' ID tokens.
//! `sub` is the account's number, which is never given to another; `email` is a name.

use super::{Kind, Shape, is_on_host, no_path};

pub(super) const KIND: Kind = Kind {
    name: "google",
    default_url: Some("https://accounts.google.com"),
    owns_url: |url| is_on_host(url, "accounts.google.com"),
    check_url: |url| no_path(url, "accounts.google.com", "the issuer is https://accounts.google.com"),
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
    unmatchable: &[("name", "it is a display name that the account's owner chooses; pin `sub`")],
    repository: &["email"],
    shapes: &[("email_verified", Shape::Flag), ("sub", Shape::Number)],
    ..Kind::UNKNOWN
};
