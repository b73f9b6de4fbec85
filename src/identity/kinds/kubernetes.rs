//! Kubernetes service accounts, of managed clusters and of one's own.
//!
//! Source: Kubernetes' "Managing Service Accounts", the forms of managed clusters' issuers in the
//! identity configuration of Sigstore's Fulcio. A service account that is deleted and made again
//! has the same `sub` and another uid. `aud` is an array.

use url::Url;

use super::{Claims, Kind, UrlRules, claim, contradiction, host_of, path_segments};
use crate::denial::{Denial, Reason};
use crate::identity::Claim;

const UID: &str = "/kubernetes.io/serviceaccount/uid";
const NAMESPACE: &str = "/kubernetes.io/namespace";
const NAME: &str = "/kubernetes.io/serviceaccount/name";

pub(super) const KIND: Kind = Kind {
    name: "kubernetes",
    urls: UrlRules {
        owns: |url| Url::parse(url).is_ok_and(|url| known_form(&url).is_some()),
        check: check_url,
        ..UrlRules::NONE
    },
    claims: &[
        claim("sub").pin().repository(),
        claim(UID).uuid().pin(),
        claim("/kubernetes.io/pod/uid").run(),
        claim("aud"),
        claim("exp"),
        claim("iat"),
        claim("iss"),
        claim("jti"),
        claim("kubernetes.io"),
        claim("nbf"),
    ],
    missing_pin_hint: Some("is this a bound token, of a projected volume or of `kubectl create token`?"),
    check: subject_agrees_with_claims,
    complete: name_as_subject_does,
    ..Kind::UNKNOWN
};

/// On hosts that clusters are known to name as their issuers': whether the URL is of the form that
/// belongs there, and that form.
fn known_form(url: &Url) -> Option<(bool, &'static str)> {
    let segments = path_segments(url);
    // Without the empty one that a slash at the end makes.
    let named = segments.strip_suffix(&[""]).unwrap_or(&segments);
    let is_whole = named.iter().all(|segment| !segment.is_empty());
    let ends_with_slash = named.len() < segments.len();
    let (fits, form) = match host_of(url).split('.').collect::<Vec<_>>()[..] {
        ["oidc", "eks", _, "amazonaws", "com"] | ["oidc", "eks", _, "amazonaws", "com", "cn"] => (
            matches!(named, ["id", _]) && !ends_with_slash,
            "an EKS cluster's issuer is https://oidc.eks.REGION.amazonaws.com/id/ID",
        ),
        [_, "oic", "prod-aks", "azure", "com"] => (
            matches!(named, [_, _]) && ends_with_slash,
            "an AKS cluster's issuer is https://REGION.oic.prod-aks.azure.com/TENANT/CLUSTER/, and ends with a slash",
        ),
        ["oidc", "prod-aks", "azure", "com"] => (
            matches!(named, [_]) && ends_with_slash,
            "an AKS cluster's issuer is https://oidc.prod-aks.azure.com/CLUSTER/, and ends with a slash",
        ),
        ["container", "googleapis", "com"] => (
            matches!(named, ["v1", "projects", _, "locations", _, "clusters", _]) && !ends_with_slash,
            "a GKE cluster's issuer is \
             https://container.googleapis.com/v1/projects/PROJECT/locations/LOCATION/clusters/CLUSTER",
        ),
        ["kubernetes", "default", "svc"] | ["kubernetes", "default", "svc", "cluster", "local"] => {
            (segments.is_empty(), "a cluster's issuer that is named so has no path")
        }
        _ => return None,
    };
    Some((fits && is_whole, form))
}

fn check_url(url: &Url) -> Result<(), &'static str> {
    match known_form(url) {
        Some((false, form)) => Err(form),
        _ => Ok(()),
    }
}

/// `sub` is `system:serviceaccount:<namespace>:<name>`, and says the same as the nested claims.
fn subject_agrees_with_claims(claims: &Claims) -> Result<(), Denial> {
    let namespace = nested(claims, NAMESPACE)?;
    let name = nested(claims, NAME)?;
    if claims.text("sub") == Some(&format!("system:serviceaccount:{namespace}:{name}")) {
        return Ok(());
    }
    Err(contradiction(claims, "sub", "`sub` is not the service account of the token's other claims"))
}

fn name_as_subject_does(claims: &mut Claims) {
    let sub = claims.text("sub").and_then(|sub| sub.strip_prefix("system:serviceaccount:")?.split_once(':'));
    let Some((namespace, name)) = sub.map(|(namespace, name)| (namespace.to_owned(), name.to_owned())) else {
        return;
    };
    for (address, value) in [(NAMESPACE, namespace), (NAME, name)] {
        if claims.at(address).is_none() {
            claims.set_at(address, Claim::Text(value));
        }
    }
}

fn nested<'c>(claims: &'c Claims, address: &'static str) -> Result<&'c str, Denial> {
    match claims.at(address) {
        Some(Claim::Text(text)) if !text.is_empty() && !text.contains(':') => Ok(text),
        Some(_) => {
            Err(Denial::new(Reason::InvalidClaim, format!("the ID token's `{address}` is not a name"))
                .claim(address))
        }
        None => {
            Err(Denial::new(Reason::MissingClaim, format!("the ID token has no `{address}`")).claim(address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_matches_the_service_account_claims() {
        let check = |sub: &str, namespace: &str, name: &str| {
            let json = format!(
                r#"{{"sub":"{sub}","kubernetes.io":{{"namespace":{namespace},"serviceaccount":{{"name":{name}}}}}}}"#
            );
            subject_agrees_with_claims(&Claims::parse(json.as_bytes()).expect("valid"))
                .map_err(|denial| denial.reason)
        };
        assert_eq!(check("system:serviceaccount:ci:publisher", r#""ci""#, r#""publisher""#), Ok(()));
        for (sub, namespace, name, reason) in [
            ("system:serviceaccount:ci:publisher", r#""dev""#, r#""publisher""#, Reason::InvalidClaim),
            ("system:serviceaccount:ci:publisher", r#""ci""#, r#""other""#, Reason::InvalidClaim),
            ("system:serviceaccount:a:b:c", r#""a:b""#, r#""c""#, Reason::InvalidClaim),
            ("system:serviceaccount:a:b:c", r#""a""#, r#""b:c""#, Reason::InvalidClaim),
            ("system:serviceaccount::publisher", r#""""#, r#""publisher""#, Reason::InvalidClaim),
            ("system:serviceaccount:ci:7", r#""ci""#, "7", Reason::InvalidClaim),
            ("system:serviceaccount:ci:publisher", "null", r#""publisher""#, Reason::MissingClaim),
            ("system:serviceaccount:ci:publisher", r#""ci""#, "null", Reason::MissingClaim),
            ("system:node:ci:publisher", r#""ci""#, r#""publisher""#, Reason::InvalidClaim),
        ] {
            assert_eq!(check(sub, namespace, name), Err(reason), "{sub} {namespace} {name}");
        }
    }
}
