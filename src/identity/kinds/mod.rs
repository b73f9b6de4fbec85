//! Issuer kinds: what an issuer's claims mean. One small file each; data and a few functions.

mod advice;
mod aws;
mod azure_devops;
mod bitbucket;
mod buildkite;
mod circleci;
mod claim_spec;
mod claim_state;
mod codefresh;
mod forgejo;
mod github;
mod gitlab;
mod google;
mod issuer_url;
mod jenkins;
mod kubernetes;
mod oidc;
mod origin;
mod run_url;
mod semaphore;
mod shape;
mod spiffe;
mod terraform;
mod workflow_ref;

pub use advice::{Advice, Guidance, Requirement, SubjectForm};
pub use claim_spec::{ClaimSpec, Derivation, PinRule, Synthesizer};
pub use shape::Shape;
use url::Url;

use self::claim_spec::{claim, derived};
use self::claim_state::{ClaimState, claim_state, contradiction, split_at_ref};
use self::issuer_url::{host_of, is_on_host, is_uuid, no_path, path_segments};
use super::{Claim, Claims};
use crate::denial::Denial;

/// Everything that differs between CI platforms.
#[derive(Debug)]
pub struct Kind {
    /// The name in the configuration.
    pub name: &'static str,
    /// Which URLs its issuers have.
    pub urls: UrlRules,
    /// Which audiences its tokens have when the job cannot choose.
    pub audiences: AudienceRules,
    /// Whether the platform's users or the operator choose the names of claims, so that any name goes.
    pub allows_any_claim: bool,
    /// One row for each claim: the derived ones first, then pins, ids before names, and what is
    /// recommended in the order of its use.
    pub claims: &'static [ClaimSpec],
    /// Prefixes of claim names that users choose.
    pub claim_prefixes: &'static [&'static str],
    /// Appended to the refusal of a token that lacks a pin.
    pub missing_pin_hint: Option<&'static str>,
    /// Checks claims against each other.
    pub check: fn(&Claims) -> Result<(), Denial>,
    /// Adds to the claims of an identity that is made up what a real token with these claims has too.
    pub complete: fn(&mut Claims),
    /// The address of the run's page, for people; made of the issuer's URL and signed claims.
    pub run_url: fn(&str, &Claims) -> Option<String>,
    /// The default of `max_age`, in seconds.
    pub max_age: u64,
    /// Which events may publish; all of these rules must hold.
    pub events: &'static [EventRule],
    /// What authors of policies and operators should know.
    pub guidance: Guidance,
}

/// Which URLs the issuers of a kind have.
#[derive(Debug)]
pub struct UrlRules {
    /// `iss` where the kind has one issuer for everyone.
    pub default: Option<&'static str>,
    /// Returns whether an issuer URL belongs to this kind, in any spelling, so that it is an error under
    /// another one.
    pub owns: fn(&str) -> bool,
    /// Returns what is wrong with a URL on the platform's own host that is not an issuer of it. Other
    /// hosts are the operator's to know: most platforms can be self-hosted.
    pub check: fn(&Url) -> Result<(), &'static str>,
    /// The host of the keys, where the platform keeps them on another one than the issuer's.
    pub keys_host: Option<&'static str>,
}

impl UrlRules {
    const NONE: Self = Self { default: None, owns: |_| false, check: |_| Ok(()), keys_host: None };
}

/// Which audiences the tokens of a kind have when the job cannot choose.
#[derive(Debug)]
pub struct AudienceRules {
    /// The audience of all its tokens, or of those whose job chose none: every customer's tokens
    /// carry it, so it is accepted only where the operator says so.
    pub shared: Option<&'static str>,
    /// The audience of all tokens of the issuer of this URL, where jobs cannot choose one.
    pub fixed: fn(&str) -> Option<&str>,
}

impl AudienceRules {
    const NONE: Self = Self { shared: None, fixed: |_| None };
}

/// The code of the note that an issuer is about to end.
pub const ISSUER_RETIRES: &str = "issuer-retires";

/// Something about an issuer that no configuration can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its stable name, such as `ids-per-instance`.
    pub code: &'static str,
    /// What is so, and what follows.
    pub text: &'static str,
    /// Whether it wants doing something about: a warning, not a note.
    pub is_urgent: bool,
}

/// Of platforms that can be hosted by oneself: said of every issuer but the platform's own.
const IDS_PER_INSTANCE: &[Note] = &[Note {
    code: "ids-per-instance",
    text: "its ids are counted by this instance: the same id at another issuer is someone else",
    is_urgent: false,
}];

/// Which CI events may publish.
#[derive(Debug)]
pub struct EventRule {
    /// The claim that names the event.
    pub claim: &'static str,
    /// Allowed where a policy says nothing.
    pub default: &'static [&'static str],
    /// Never allowed, unless the issuer's section names it in `allow_events`.
    pub forbidden: &'static [&'static str],
    /// Events that are not forbidden and that someone without rights can cause.
    pub risky: &'static [&'static str],
    /// What to use instead.
    pub advice: &'static str,
}

impl Kind {
    /// The defaults of each field.
    const UNKNOWN: Self = Self {
        name: "",
        urls: UrlRules::NONE,
        audiences: AudienceRules::NONE,
        allows_any_claim: false,
        claims: &[],
        claim_prefixes: &[],
        missing_pin_hint: None,
        check: |_| Ok(()),
        complete: |_| {},
        run_url: |_, _| None,
        max_age: 3600,
        events: &[],
        guidance: Guidance::NONE,
    };

    /// Every kind.
    pub const ALL: [&'static Self; 16] = [
        &github::KIND,
        &gitlab::KIND,
        &google::KIND,
        &buildkite::KIND,
        &circleci::KIND,
        &bitbucket::KIND,
        &azure_devops::KIND,
        &semaphore::KIND,
        &codefresh::KIND,
        &jenkins::KIND,
        &forgejo::KIND,
        &kubernetes::KIND,
        &spiffe::KIND,
        &terraform::KIND,
        &aws::KIND,
        &oidc::KIND,
    ];

    /// The kind with this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|kind| kind.name == name)
    }

    /// The row of a claim.
    fn claim(&self, name: &str) -> Option<&'static ClaimSpec> {
        self.claims.iter().find(|claim| claim.name == name)
    }

    /// The derived claims. They come first, so that a look-up on the path of a request is short.
    pub fn derived(&self) -> impl Iterator<Item = (&'static str, &'static Derivation)> + use<> {
        self.claims.iter().map_while(|claim| Some((claim.name, claim.derivation.as_ref()?)))
    }

    /// The names of the claims that the issuer signs; none if any name goes.
    pub fn signed(&self) -> impl Iterator<Item = &'static str> + use<> {
        let claims = if self.allows_any_claim { &[] } else { self.claims };
        let signed = |claim: &&ClaimSpec| claim.derivation.is_none() && !claim.name.starts_with('/');
        claims.iter().filter(signed).map(|claim| claim.name)
    }

    /// Returns whether the issuer signs, or we derive, a claim of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.allows_any_claim
            || name.starts_with('/')
            || self.claim(name).is_some()
            || self.claim_prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    /// The claims that every policy of the issuer of this URL must pin; none where the operator names them.
    pub fn pins(&self, url: &str) -> Vec<&'static str> {
        let is_pin = |claim: &&ClaimSpec| match claim.pin {
            PinRule::Never => false,
            PinRule::Always => true,
            PinRule::IfUrl(of_url) => of_url(url),
        };
        self.claims.iter().filter(is_pin).map(|claim| claim.name).collect()
    }

    /// Returns whether the kind says what to pin; otherwise the operator does.
    pub fn has_pins(&self) -> bool {
        self.claims.iter().any(|claim| matches!(claim.pin, PinRule::Always))
    }

    /// The claim that names the run.
    pub fn run_claim(&self) -> Option<&'static str> {
        self.claims.iter().find(|claim| claim.is_run).map(|claim| claim.name)
    }

    /// The claims that name the repository or project, ids first.
    pub fn repository(&self) -> impl Iterator<Item = &'static ClaimSpec> + use<> {
        self.claims.iter().filter(|claim| claim.is_repository)
    }

    /// What a good policy matches on beside the pins, and why.
    pub fn recommended(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        self.claims.iter().filter_map(|claim| Some((claim.name, claim.recommended?)))
    }

    /// Why no policy may match on this claim, and what to use instead.
    pub fn unmatchable(&self, name: &str) -> Option<&'static str> {
        self.claim(name)?.unmatchable
    }

    /// What values of this claim look like, if that is known.
    pub fn shape(&self, name: &str) -> Option<Shape> {
        self.claim(name)?.shape
    }

    /// Returns whether the platform compares this claim without ASCII case.
    pub fn is_case_insensitive(&self, name: &str) -> bool {
        self.claim(name).is_some_and(|claim| claim.is_case_insensitive)
    }
}

/// Returns a text claim, and sets it to the default if it is absent.
fn text_or_set(claims: &mut Claims, name: &str, default: &str) -> String {
    if claims.text(name).is_none() {
        claims.set(name, Claim::Text(default.to_owned()));
    }
    claims.text(name).unwrap_or(default).to_owned()
}
