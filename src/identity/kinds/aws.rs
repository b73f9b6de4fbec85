//! AWS outbound identity federation: IAM principals, by `sts:GetWebIdentityToken`.
//!
//! Source: AWS's "Understanding token claims". Each account has an issuer of its own. Its host
//! answers discovery for any UUID, so a document says nothing about whether an account exists; only
//! the keys do. `sub` is an ARN, which names the account by number and the role by name.

use url::Url;

use super::{Claims, Guidance, Kind, Note, UrlRules, claim, contradiction, host_of, is_uuid, path_segments};
use crate::denial::Denial;
use crate::identity::Claim;

/// The account, in the claim that holds whatever else AWS has to say.
const ACCOUNT: &str = "/https:~1~1sts.amazonaws.com~1/aws_account";

const DOMAIN: &str = ".tokens.sts.global.api.aws";

pub(super) const KIND: Kind = Kind {
    name: "aws",
    urls: UrlRules {
        owns: |url| Url::parse(url).is_ok_and(|url| host_of(&url).ends_with(DOMAIN)),
        check: check_url,
        ..UrlRules::NONE
    },
    claims: &[
        // The ARN names the account by number, and the issuer is the account's own.
        claim("sub").pin().repository(),
        claim("aud"),
        claim("exp"),
        claim("https://sts.amazonaws.com/"),
        claim("iat"),
        claim("iss"),
        claim("jti"),
        claim("nbf"),
        claim(ACCOUNT).number(),
    ],
    missing_pin_hint: Some("is this a token of `aws sts get-web-identity-token`?"),
    check: subject_is_of_the_account,
    guidance: Guidance {
        notes: |_| {
            &[Note {
                code: "tenant-not-proven",
                text: "it answers discovery for any UUID: only its keys prove that the account exists",
                is_urgent: false,
            }]
        },
        ..Guidance::NONE
    },
    ..Kind::UNKNOWN
};

fn check_url(url: &Url) -> Result<(), &'static str> {
    let is_accounts = host_of(url).strip_suffix(DOMAIN).is_some_and(is_uuid);
    let is_amazons = [".api.aws", ".amazonaws.com"].iter().any(|domain| host_of(url).ends_with(domain));
    if (is_accounts && path_segments(url).is_empty()) || !is_amazons {
        return Ok(());
    }
    Err("an account's issuer is https://UUID.tokens.sts.global.api.aws")
}

/// The ARN in `sub` is of the account that the claim names, where the token has it.
fn subject_is_of_the_account(claims: &Claims) -> Result<(), Denial> {
    let Some(account) = claims.at(ACCOUNT).map(Claim::canonical) else { return Ok(()) };
    let sub = claims.text("sub").unwrap_or_default();
    let of = sub.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(3));
    if of.is_some() && of == account.as_deref() {
        return Ok(());
    }
    Err(contradiction(claims, "sub", "`sub` is not an ARN of the account that the token names"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::Reason;

    #[test]
    fn subject_belongs_to_the_token_account() {
        let check = |sub: &str, account: &str| {
            let json =
                format!(r#"{{"sub":"{sub}","https://sts.amazonaws.com/":{{"aws_account":{account}}}}}"#);
            let claims = Claims::parse(json.as_bytes()).expect("valid");
            subject_is_of_the_account(&claims).map_err(|denial| denial.reason)
        };
        let account = r#""123456789012""#;
        assert_eq!(check("arn:aws:iam::123456789012:role/publisher", account), Ok(()));
        assert_eq!(check("arn:aws:iam::210987654321:role/publisher", "null"), Ok(()), "not stated");
        for (sub, account) in [
            ("arn:aws:iam::210987654321:role/publisher", account),
            ("arn:aws:iam::x:123456789012:role/publisher", account),
            ("123456789012", account),
            ("x:aws:iam::123456789012:role/publisher", account),
            ("arn:aws:iam::123456789012:role/publisher", r#"["123456789012"]"#),
        ] {
            assert_eq!(check(sub, account), Err(Reason::InvalidClaim), "{sub} {account}");
        }
    }

    #[test]
    fn only_the_account_host_is_an_issuer() {
        let check = |url: &str| check_url(&Url::parse(url).expect("a URL")).is_ok();
        assert!(check("https://f9b0d5a4-3c1e-4f7a-9a51-0d2b7c8e6f10.tokens.sts.global.api.aws"));
        for other in [
            "https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws",
            "https://f9b0d5a4-3c1e-4f7a-9a51-0d2b7c8e6f1g.tokens.sts.global.api.aws",
            "https://f9b0d5a4-3c1e-4f7a-9a51-0d2b7c8e6f10.tokens.sts.global.api.aws/x",
            "https://x.f9b0d5a4-3c1e-4f7a-9a51-0d2b7c8e6f10.tokens.sts.global.api.aws",
            "https://tokens.sts.global.api.aws",
            "https://sts.amazonaws.com",
        ] {
            assert!(!check(other), "{other}");
        }
    }
}
