//! What holds for every kind, whoever adds it.

use std::path::Path;

use trustmint::identity::Kind;

/// A pointer leads into a claim that it names first.
fn signs(kind: &Kind, address: &str) -> bool {
    let claim = match address.strip_prefix('/').and_then(|pointer| pointer.split('/').next()) {
        Some(escaped) => escaped.replace("~1", "/").replace("~0", "~"),
        None => address.to_owned(),
    };
    kind.vocabulary.is_empty() || kind.vocabulary.contains(&claim.as_str())
}

fn derives(kind: &Kind, claim: &str) -> bool {
    kind.derived.iter().any(|derived| derived.name == claim)
}

#[test]
fn a_name_means_one_kind() {
    let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Kind::ALL.len(), "{names:?}");
}

#[test]
fn a_vocabulary_is_sorted_and_unique() {
    for kind in Kind::ALL {
        assert!(kind.vocabulary.windows(2).all(|pair| pair[0] < pair[1]), "{}", kind.name);
        if !kind.vocabulary.is_empty() {
            for claim in ["aud", "exp", "iat", "iss"] {
                assert!(signs(kind, claim), "{}: {claim}", kind.name);
            }
        }
    }
}

#[test]
fn derived_claims_never_share_a_name_with_a_signed_one() {
    for kind in Kind::ALL {
        for derived in kind.derived {
            let shadowed = kind.vocabulary.contains(&derived.name)
                || kind.vocabulary_prefixes.iter().any(|prefix| derived.name.starts_with(prefix));
            assert!(!shadowed, "{}: {}", kind.name, derived.name);
        }
    }
}

#[test]
fn what_a_kind_speaks_of_it_signs_or_derives() {
    for kind in Kind::ALL {
        let pins = kind.pins.iter().chain(kind.default_url.map_or(&[][..], |url| (kind.tenant_pins)(url)));
        let events = kind.events.iter().map(|events| &events.claim);
        for &claim in pins.chain(kind.case_insensitive).chain(kind.repository).chain(events) {
            assert!(signs(kind, claim) || derives(kind, claim), "{}: {claim}", kind.name);
        }
        let unmatchable = kind.unmatchable.iter().map(|(claim, _)| claim);
        for &claim in unmatchable.chain(kind.run_claim.as_ref()) {
            assert!(signs(kind, claim), "{}: {claim}", kind.name);
        }
        for (claim, _) in kind.unmatchable {
            assert!(!kind.pins.contains(claim), "{}: {claim} is pinned and unfit", kind.name);
        }
    }
}

#[test]
fn an_event_is_harmless_or_dangerous() {
    for kind in Kind::ALL {
        for events in kind.events {
            assert!(!events.default.is_empty() && !events.never.is_empty(), "{}", kind.name);
            assert!(!events.never.iter().any(|event| events.default.contains(event)), "{}", kind.name);
            assert!(!events.advice.is_empty(), "{}", kind.name);
        }
    }
}

#[test]
fn a_default_url_is_the_kinds_own_and_nobody_elses() {
    for kind in Kind::ALL {
        let Some(url) = kind.default_url else { continue };
        for other in Kind::ALL {
            assert_eq!((other.owns_url)(url), other.name == kind.name, "{url}: {}", other.name);
        }
        let parsed = reqwest::Url::parse(url).expect("a URL");
        assert_eq!((kind.check_url)(&parsed), Ok(()), "{url}");
    }
}

#[test]
fn every_kind_has_a_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let overview = std::fs::read_to_string(docs.join("issuers.md")).expect("the overview");
    for kind in Kind::ALL {
        let page = std::fs::read_to_string(docs.join(format!("issuers/{}.md", kind.name)));
        let page = page.unwrap_or_else(|error| panic!("{}: {error}", kind.name));
        for claim in kind.pins.iter().chain(kind.derived.iter().map(|derived| &derived.name)) {
            assert!(page.contains(&format!("`{claim}`")), "{}: {claim} is not explained", kind.name);
        }
        for event in kind.events.iter().flat_map(|events| events.never) {
            assert!(page.contains(&format!("`{event}`")), "{}: {event} is not explained", kind.name);
        }
        assert!(
            overview.contains(&format!("(issuers/{}.md)", kind.name)),
            "{} is not in the overview",
            kind.name
        );
    }
}
