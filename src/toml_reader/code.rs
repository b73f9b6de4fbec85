//! The stable codes of findings: one list for reading, linting and the documentation.

use std::fmt;

use crate::toml_reader::Severity;

macro_rules! codes {
    ($($name:ident = $code:literal, $summary:literal;)*) => {
        /// What kind of finding it is. `docs/lint.md` has a paragraph on each, and `tests/lint/` a
        /// failing and a passing example. Codes are never given to another meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $summary] $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code itself: a letter for the severity, and a number.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// A name of one word, in camel case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it says, in one sentence.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => $summary,)* }
            }
        }
    };
}

codes! {
    UnknownKey = "E001", "A key that nothing reads.";
    NotConfigured = "E002", "An issuer or registry that the configuration does not have.";
    MissingPin = "E003", "A policy leaves out a claim that its issuer's policies must pin.";
    InexactPin = "E004", "A pinned claim is compared with something else than exact values.";
    MatchesAnybody = "E005", "A match or deny without a condition is about everyone.";
    UnknownClaim = "E006", "The issuer signs no claim of this name.";
    ImpossibleValue = "E007", "The claim can never have this value.";
    LooseGlob = "E008", "A glob or prefix that would match just anything, or is none.";
    Regex = "E009", "There are no regular expressions.";
    ForeignAudience = "E010", "An audience that belongs to another service.";
    Duplicate = "E011", "Something that must be unique is there twice.";
    OutsideDelegation = "E012", "A file says more than its owner may say.";
    OutOfBounds = "E013", "A number or duration beyond its bounds.";
    IssuerUrl = "E014", "A URL that no issuer can have.";
    IssuerWildcard = "E015", "An issuer's URL with a wildcard.";
    OwnIssuer = "E016", "The broker is configured to trust itself.";
    Malformed = "E017", "A value that cannot be read as what it should be.";
    Syntax = "E018", "The file is not TOML.";
    MissingKey = "E019", "A key that must be there is not.";
    UnfitClaim = "E020", "A claim that no policy may be matched on.";
    DangerousEvent = "E021", "An event whose runs execute a stranger's code.";
    GrantsNothing = "E022", "What is written here would never match or grant anything.";
    PackageName = "E023", "Not a package name of the registry.";
    Unreadable = "E024", "A file or folder that cannot be read.";
    OnlySubject = "W101", "A policy hangs on `sub` alone.";
    LegacySubject = "W102", "A `sub` made of names, which a renaming changes.";
    NameWithoutId = "W103", "A name that someone else can take over, and no id beside it.";
    RiskyEvent = "W104", "Events that someone from outside can cause may publish.";
    AnyRun = "W105", "Every run of the repository may publish.";
    AnyReusableWorkflow = "W106", "A reusable workflow is named without the repository it is in.";
    EnvironmentWithoutRef = "W107", "An environment without a ref is as strict as its protection rules.";
    AnyTag = "W108", "Anyone who may push a tag may publish, with any workflow.";
    PublicSelfHosted = "W109", "A public repository's self-hosted runner may publish.";
    Overlap = "W110", "Two policies let the same run publish the same package.";
    Unreachable = "W111", "A policy that can never grant anything.";
    CustomSubject = "W114", "A `sub` that a customised template makes, and that names no tenant.";
    Unprotected = "W115", "Refs that no one protects may publish.";
    RetiringIssuer = "W119", "The platform is about to retire this issuer.";
    LongMaxAge = "W120", "ID tokens are accepted for more than an hour.";
    SameIdsElsewhere = "W121", "The same counted ids at two issuers.";
    ExpiresSoon = "W123", "A policy that ends within thirty days.";
    NeedlessAccept = "W124", "An accepted finding that there is not.";
    LongerThanRegistry = "W125", "A lifetime beyond the registry's, which no token will have.";
}

impl Code {
    /// The code of this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// How bad it is; the letter says so.
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with('E') { Severity::Error } else { Severity::Warning }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
