//! What holds for every kind, anyone who adds it.

use std::path::Path;

use trustmint::identity::Kind;
use trustmint::identity::kinds::PinRule;

/// A pointer leads into a claim that it names first.
fn signs(kind: &Kind, address: &str) -> bool {
    let claim = match address.strip_prefix('/').and_then(|pointer| pointer.split('/').next()) {
        Some(escaped) => escaped.replace("~1", "/").replace("~0", "~"),
        None => address.to_owned(),
    };
    kind.allows_any_claim || kind.signed().any(|signed| signed == claim)
}

fn derives(kind: &Kind, claim: &str) -> bool {
    kind.derived().any(|(name, _)| name == claim)
}

#[test]
fn kind_names_are_unique() {
    let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Kind::ALL.len(), "{names:?}");
}

#[test]
fn a_claim_has_one_row() {
    for kind in Kind::ALL {
        let mut names: Vec<_> = kind.claims.iter().map(|claim| claim.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{}: {names:?}", kind.name);
        assert!(kind.claims.iter().is_sorted_by_key(|claim| claim.derivation.is_none()), "{}", kind.name);
        assert!(kind.claims.iter().filter(|claim| claim.is_run).count() <= 1, "{}", kind.name);
        if !kind.allows_any_claim {
            for claim in ["aud", "exp", "iat", "iss"] {
                assert!(signs(kind, claim), "{}: {claim}", kind.name);
            }
        }
    }
}

#[test]
fn derived_claims_never_share_a_signed_name() {
    for kind in Kind::ALL {
        for (derived, _) in kind.derived() {
            let shadowed = kind.signed().any(|signed| signed == derived)
                || kind.claim_prefixes.iter().any(|prefix| derived.starts_with(prefix));
            assert!(!shadowed, "{}: {derived}", kind.name);
        }
    }
}

#[test]
fn each_claim_of_a_kind_is_signed_or_derived() {
    for kind in Kind::ALL {
        let events = kind.events.iter().map(|rule| rule.claim);
        for claim in kind.claims.iter().map(|claim| claim.name).chain(events) {
            assert!(signs(kind, claim) || derives(kind, claim), "{}: {claim}", kind.name);
        }
        for claim in kind.claims.iter().filter(|claim| claim.is_run || claim.unmatchable.is_some()) {
            assert!(signs(kind, claim.name), "{}: {}", kind.name, claim.name);
        }
        for claim in kind.claims.iter().filter(|claim| claim.unmatchable.is_some()) {
            let is_pin = !matches!(claim.pin, PinRule::Never);
            assert!(!is_pin, "{}: {} is pinned and cannot be matched on", kind.name, claim.name);
        }
    }
}

#[test]
fn each_event_is_allowed_or_forbidden() {
    for kind in Kind::ALL {
        for events in kind.events {
            assert!(!events.default.is_empty() && !events.forbidden.is_empty(), "{}", kind.name);
            assert!(!events.forbidden.iter().any(|event| events.default.contains(event)), "{}", kind.name);
            assert!(!events.advice.is_empty(), "{}", kind.name);
        }
    }
}

#[test]
fn default_url_belongs_to_its_kind_only() {
    for kind in Kind::ALL {
        let Some(url) = kind.urls.default else { continue };
        for other in Kind::ALL {
            assert_eq!((other.urls.owns)(url), other.name == kind.name, "{url}: {}", other.name);
        }
        let parsed = reqwest::Url::parse(url).expect("a URL");
        assert_eq!((kind.urls.check)(&parsed), Ok(()), "{url}");
    }
}

#[test]
fn each_kind_has_a_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let overview = std::fs::read_to_string(docs.join("issuers.md")).expect("the overview");
    for kind in Kind::ALL {
        let page = std::fs::read_to_string(docs.join(format!("issuers/{}.md", kind.name)));
        let page = page.unwrap_or_else(|error| panic!("{}: {error}", kind.name));
        for claim in kind.pins("").into_iter().chain(kind.derived().map(|(name, _)| name)) {
            assert!(page.contains(&format!("`{claim}`")), "{}: {claim} is not explained", kind.name);
        }
        for event in kind.events.iter().flat_map(|events| events.forbidden) {
            assert!(page.contains(&format!("`{event}`")), "{}: {event} is not explained", kind.name);
        }
        assert!(
            overview.contains(&format!("(issuers/{}.md)", kind.name)),
            "{} is not in the overview",
            kind.name
        );
    }
}
