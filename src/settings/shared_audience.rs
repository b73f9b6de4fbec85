//! Audiences that belong to other services. An ID token with one of them was fetched for someone
//! else, who holds it too.

/// Audiences of one service each, and whose they are.
const EXACT: [(&str, &str); 17] = [
    ("sts.amazonaws.com", "AWS"),
    ("sts.amazonaws.com.cn", "AWS in China"),
    ("aws.workload.identity", "AWS, as HCP Terraform names it"),
    ("api://AzureADTokenExchange", "Microsoft Entra"),
    ("api://AzureADTokenExchangeUSGov", "Microsoft Entra in the US Government cloud"),
    ("api://AzureADTokenExchangeChina", "Microsoft Entra in China"),
    ("https://g.codefresh.io", "every Codefresh customer"),
    ("sigstore", "Sigstore"),
    ("pypi", "PyPI"),
    ("testpypi", "TestPyPI"),
    ("crates.io", "crates.io"),
    ("rubygems.org", "RubyGems.org"),
    ("npm:registry.npmjs.org", "the public npm registry"),
    ("https://www.nuget.org", "NuGet.org"),
    ("https://nuget.org", "NuGet.org"),
    ("https://kubernetes.default.svc", "a Kubernetes API server"),
    ("https://kubernetes.default.svc.cluster.local", "a Kubernetes API server"),
];

/// Beginnings of audiences, and whose they are.
const PREFIXES: [(&str, &str); 2] =
    [("//iam.googleapis.com/", "Google Cloud"), ("https://iam.googleapis.com/", "Google Cloud")];

/// Whose audience it is, if it is known as another service's. Hosts compare without case and
/// trailing slash, so that a spelling does not make it another one.
pub(super) fn owner_of(audience: &str) -> Option<&'static str> {
    let spelled = audience.trim_end_matches('/');
    let exact = EXACT.iter().find(|(known, _)| known.eq_ignore_ascii_case(spelled));
    let begins =
        |prefix: &str| audience.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    exact.or_else(|| PREFIXES.iter().find(|(prefix, _)| begins(prefix))).map(|(_, owner)| *owner)
}

#[cfg(test)]
mod tests {
    use crate::settings::shared_audience::owner_of;

    #[test]
    fn shared_audience_is_recognised_in_each_spelling() {
        for foreign in [
            "pypi",
            "PyPI",
            "https://www.nuget.org/",
            "API://azureadtokenexchange",
            "https://IAM.googleapis.com/projects/1",
        ] {
            assert!(owner_of(foreign).is_some(), "{foreign}");
        }
        for own in [
            "pypi.example.com",
            "npm:npm.example.com",
            "https://nuget.example.com",
            "https://github.com/acme",
        ] {
            assert_eq!(owner_of(own), None, "{own}");
        }
    }
}
