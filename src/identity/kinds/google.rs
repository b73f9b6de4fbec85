//! Google accounts and service accounts.
//!
//! Source: Google's "OpenID Connect" reference and its documentation of service accounts' ID tokens.
//! `sub` is the account's number, which is never given to another; `email` is a name.

use super::{Kind, UrlRules, claim, is_on_host, no_path};

pub(super) const KIND: Kind = Kind {
    name: "google",
    urls: UrlRules {
        default: Some("https://accounts.google.com"),
        owns: |url| is_on_host(url, "accounts.google.com"),
        check: |url| no_path(url, "accounts.google.com", "the issuer is https://accounts.google.com"),
        keys_host: Some("www.googleapis.com"),
    },
    claims: &[
        claim("sub").number().pin(),
        claim("email").repository(),
        claim("at_hash"),
        claim("aud"),
        claim("azp"),
        claim("email_verified").flag(),
        claim("exp"),
        claim("family_name"),
        claim("given_name"),
        claim("google"),
        claim("hd"),
        claim("iat"),
        claim("iss"),
        claim("locale"),
        claim("name").unmatchable("it is a display name that the account's owner chooses; pin `sub`"),
        claim("nbf"),
        claim("nonce"),
        claim("picture"),
    ],
    ..Kind::UNKNOWN
};
