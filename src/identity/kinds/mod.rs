//! Issuer kinds: what an issuer's claims mean. One small file each; data and a few functions.

mod advice;
mod aws;
mod azure_devops;
mod bitbucket;
mod buildkite;
mod circleci;
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
mod statement;
mod terraform;
mod workflow_ref;

pub use advice::{Advice, RequestedScope, SubjectForm};
pub use shape::Shape;
use url::Url;

use self::issuer_url::{host_of, is_on_host, is_uuid, no_path, path_segments};
use self::statement::{Stated, contradiction, split_at_ref, stated};
use super::{Claim, Claims};
use crate::denial::Denial;

/// Everything that differs between CI platforms.
#[derive(Debug)]
pub struct Kind {
    /// The name in the configuration.
    pub name: &'static str,
    /// `iss` where the kind has one issuer for everybody.
    pub default_url: Option<&'static str>,
    /// Whether an issuer URL belongs to this kind, in any spelling, so that it is an error under
    /// another one.
    pub owns_url: fn(&str) -> bool,
    /// What is wrong with a URL on the platform's own host that is no issuer of it. Other hosts are
    /// the operator's to know: most platforms can be hosted by oneself.
    pub check_url: fn(&Url) -> Result<(), &'static str>,
    /// The host of the keys, where the platform keeps them on another one than the issuer's.
    pub keys_host: Option<&'static str>,
    /// The audience of all its tokens, or of those whose job chose none: every customer's tokens
    /// carry it, so it is accepted only where the operator says so.
    pub shared_audience: Option<&'static str>,
    /// The audience of all tokens of the issuer of this URL, where jobs cannot choose one.
    pub fixed_audience: fn(&str) -> Option<&str>,
    /// The claims every policy must pin; empty where the operator names them.
    pub pins: &'static [&'static str],
    /// Pins beside [`Kind::pins`] that only the issuer of this URL needs.
    pub tenant_pins: fn(&str) -> &'static [&'static str],
    /// Appended to the refusal of a token that lacks a pin.
    pub missing_pin_hint: Option<&'static str>,
    /// The claims the issuer signs; empty: unknown, any name goes.
    pub vocabulary: &'static [&'static str],
    /// Prefixes of claim names that users choose.
    pub vocabulary_prefixes: &'static [&'static str],
    /// Claims that are computed from signed ones.
    pub derived: &'static [Derived],
    /// How derived claims come about, so that an identity that has them can be made up.
    pub samples: &'static [Sample],
    /// Adds what a token with these claims has too, to those of an identity that is made up.
    pub complete: fn(&mut Claims),
    /// What a good policy matches on beside the pins, and why.
    pub recommended: &'static [(&'static str, &'static str)],
    /// Claims that no policy may match on, and what to use instead.
    pub unmatchable: &'static [(&'static str, &'static str)],
    /// Names that the platform compares without ASCII case.
    pub case_insensitive: &'static [&'static str],
    /// The claim that names the run.
    pub run_claim: Option<&'static str>,
    /// The address of the run's page, for people; made of the issuer's URL and signed claims.
    pub run_url: fn(&str, &Claims) -> Option<String>,
    /// Claims that name the repository or project, ids first.
    pub repository: &'static [&'static str],
    /// Which events may publish; all of these rules must hold.
    pub events: &'static [Events],
    /// Events that are not [`Events::never`] and that somebody without rights can cause.
    pub risky_events: &'static [&'static str],
    /// What the values of claims look like, where that is known.
    pub shapes: &'static [(&'static str, Shape)],
    /// What policies should say beside the pins.
    pub advice: &'static [Advice],
    /// What a `sub` in a policy is made of.
    pub subject_form: fn(&str) -> SubjectForm,
    /// The default of `max_age`, in seconds.
    pub max_age: u64,
    /// Checks claims against each other.
    pub check: fn(&Claims) -> Result<(), Denial>,
    /// What an operator should know about the issuer of this URL; shown by `trustmint issuer check`.
    pub notes: fn(&str) -> &'static [Note],
}

/// The caution that an issuer is about to end.
pub const ISSUER_RETIRES: &str = "issuer-retires";

/// Something about an issuer that no configuration can mend.
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
    text: "its ids are counted by this instance: the same id at another issuer is somebody else",
    is_urgent: false,
}];

/// A claim that is computed from signed ones. Its name is never one that the issuer signs. Policies
/// may match on it, and pins and event rules may name it.
#[derive(Debug)]
pub struct Derived {
    /// Its name in policies.
    pub name: &'static str,
    /// The computation; `None` is absent.
    pub compute: fn(&Claims) -> Option<String>,
}

/// How a derived claim comes about: the inverse of [`Derived`].
#[derive(Debug)]
pub struct Sample {
    /// The derived claim.
    pub name: &'static str,
    /// The signed claim that it is computed from.
    pub from: &'static str,
    /// What the signed claim must be.
    pub write: Write,
}

/// What a signed claim must be for a derived one to have a value.
#[derive(Debug)]
pub enum Write {
    /// A value for each of the derived claim's; `None` is absent.
    Values(&'static [(&'static str, Option<&'static str>)]),
    /// A computation that sets it.
    With(fn(&str, &mut Claims)),
}

impl Sample {
    /// Gives the signed claim a value from which the derived one has this value, if there is one.
    pub fn write(&self, value: &str, claims: &mut Claims) {
        match self.write {
            Write::With(write) => write(value, claims),
            Write::Values(table) => match table.iter().find(|(derived, _)| *derived == value) {
                Some((_, Some(signed))) => claims.set_at(self.from, Claim::Text((*signed).to_owned())),
                Some((_, None)) => claims.remove_at(self.from),
                None => {}
            },
        }
    }
}

/// Which CI events may publish.
#[derive(Debug)]
pub struct Events {
    /// The claim that names the event.
    pub claim: &'static str,
    /// Allowed where a policy says nothing.
    pub default: &'static [&'static str],
    /// Never allowed, unless the issuer's section names it in `allow_events`.
    pub never: &'static [&'static str],
    /// What to use instead.
    pub advice: &'static str,
}

impl Kind {
    /// A kind that knows nothing; each kind says what it knows better.
    const UNKNOWN: Self = Self {
        name: "",
        default_url: None,
        owns_url: |_| false,
        check_url: |_| Ok(()),
        keys_host: None,
        shared_audience: None,
        fixed_audience: |_| None,
        pins: &[],
        tenant_pins: |_| &[],
        missing_pin_hint: None,
        vocabulary: &[],
        vocabulary_prefixes: &[],
        derived: &[],
        samples: &[],
        complete: |_| {},
        recommended: &[],
        unmatchable: &[],
        case_insensitive: &[],
        run_claim: None,
        run_url: |_, _| None,
        repository: &[],
        events: &[],
        risky_events: &[],
        shapes: &[],
        advice: &[],
        subject_form: |_| SubjectForm::Fine,
        max_age: 3600,
        check: |_| Ok(()),
        notes: |_| &[],
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

    /// Whether the issuer signs, or we derive, a claim of this name.
    pub fn knows(&self, claim: &str) -> bool {
        self.vocabulary.is_empty()
            || claim.starts_with('/')
            || self.vocabulary.contains(&claim)
            || self.derived.iter().any(|derived| derived.name == claim)
            || self.vocabulary_prefixes.iter().any(|prefix| claim.starts_with(prefix))
    }

    /// What values of this claim look like, if that is known.
    pub fn shape(&self, claim: &str) -> Option<Shape> {
        self.shapes.iter().find(|(name, _)| *name == claim).map(|(_, shape)| *shape)
    }

    /// Whether the platform compares this claim without ASCII case.
    pub fn is_caseless(&self, claim: &str) -> bool {
        self.case_insensitive.contains(&claim)
    }
}

/// A text claim, which is there afterwards.
fn text_or_set(claims: &mut Claims, name: &str, default: &str) -> String {
    if claims.text(name).is_none() {
        claims.set(name, Claim::Text(default.to_owned()));
    }
    claims.text(name).unwrap_or(default).to_owned()
}
