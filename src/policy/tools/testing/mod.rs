//! `[[policy.test]]` tables: what a policy promises, tried on identities that are made up.
//!
//! For each policy an identity is made up that it matches; a test lays its claims over that one. The
//! decision is [`decide()`](crate::policy::decide())'s, on all policies together: a test that says "a branch
//! cannot publish" fails also if another policy lets branches publish the same package.

mod coverage;
mod identity;
mod outcome;
mod value;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::denial::Reason;
use crate::identity::{Claim, IssuerSettings};
use crate::policy::source::directory::read;
use crate::policy::source::documents::read_tests;
use crate::policy::tools::testing::coverage::Coverage;
use crate::policy::tools::testing::identity::MadeUp;
use crate::policy::tools::testing::outcome::ask;
use crate::policy::{DirectorySnapshot, LoadError, Policy, Snapshot, Vocabulary};
use crate::registry::Registry;
use crate::toml_reader::{Diagnostics, Position, Source, document, parse};

/// What a test expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Everything that the policy lists.
    Allow,
    /// Nothing of what the policy lists.
    Deny,
}

/// One `[[policy.test]]`.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it shows, in words.
    pub name: String,
    /// Claims, by address, that are laid over those of the identity that matches.
    pub claims: Vec<(String, Claim)>,
    /// Claims that the identity lacks.
    pub absent: Vec<String>,
    /// What should be decided.
    pub expect: Expect,
    /// The code that a denial should have.
    pub reason: Option<Reason>,
    /// Where it is written.
    pub position: Position,
}

/// The tests of each policy, by its id.
pub type Tests = HashMap<Box<str>, Vec<Test>>;

/// What came out for one policy.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyReport {
    /// The policy's id.
    pub policy: Arc<str>,
    /// Where it is written: `file:line`.
    pub at: String,
    /// Why it seems that no one can satisfy it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsatisfiable: Option<String>,
    /// Its tests.
    pub tests: Vec<TestReport>,
    /// How many conditions and denies it has.
    pub conditions: usize,
    /// Those of them that no test exercises.
    pub unexercised: Vec<String>,
}

/// What came out for one test.
#[derive(Clone, Debug, Serialize)]
pub struct TestReport {
    /// What it shows, in words.
    pub name: String,
    /// Where it is written: `file:line`.
    pub at: String,
    /// Whether it came out as expected.
    pub passed: bool,
    /// What was expected.
    pub expected: String,
    /// What was decided.
    pub said: String,
}

impl PolicyReport {
    /// Whether there is nothing to fix.
    pub fn passed(&self) -> bool {
        self.unsatisfiable.is_none() && self.tests.iter().all(|test| test.passed)
    }
}

/// Reads the tests below a folder whose policies load.
///
/// # Errors
/// Everything that is wrong with the files as far as tests go.
pub fn load_tests(folder: &Path, vocabulary: &Vocabulary) -> Result<Tests, LoadError> {
    let mut diagnostics = Diagnostics::default();
    let mut tests = Tests::new();
    for path in DirectorySnapshot::at(folder).files() {
        match read(path) {
            Ok(source) => read_source(&source, vocabulary, &mut tests, &mut diagnostics),
            Err(error) => diagnostics.error(None, format!("{}: {error}", path.display()), None),
        }
    }
    if diagnostics.has_errors() { Err(LoadError(diagnostics)) } else { Ok(tests) }
}

fn read_source(source: &Source, vocabulary: &Vocabulary, tests: &mut Tests, diagnostics: &mut Diagnostics) {
    let table = parse(source, diagnostics);
    let found = std::cell::RefCell::new(std::mem::take(diagnostics));
    for section in document(source, &table, &found).list("policy") {
        let of_policy = read_tests(&section, vocabulary.issuer(&section));
        if let Some(id) = section.string("id").filter(|_| !of_policy.is_empty()) {
            tests.insert(id.value.into(), of_policy);
        }
    }
    *diagnostics = found.into_inner();
}

/// Runs the tests of every policy at an instant, in seconds since the epoch; in the order of their ids.
pub fn run<'a>(
    snapshot: &'a Snapshot,
    vocabulary: &'a Vocabulary,
    tests: &'a Tests,
    now: u64,
) -> impl Iterator<Item = PolicyReport> + 'a {
    snapshot.iter().filter_map(move |policy| {
        let issuer = vocabulary.issuers.get(&policy.issuer)?;
        let registry = vocabulary.registries.by_id(&policy.registry)?;
        let of_policy = tests.get(&*policy.id).map_or(&[][..], Vec::as_slice);
        Some(Stage { snapshot, policy, issuer, registry, now }.run(of_policy))
    })
}

/// Where the tests of one policy are run.
struct Stage<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    issuer: &'a Arc<IssuerSettings>,
    registry: &'a Registry,
    now: u64,
}

impl Stage<'_> {
    fn run(&self, tests: &[Test]) -> PolicyReport {
        let denies = self.snapshot.denies().iter().filter(|deny| {
            deny.issuer.as_ref().is_none_or(|issuer| *issuer == self.policy.issuer)
                && deny.registry.as_ref().is_none_or(|registry| *registry == self.policy.registry)
        });
        let made_up = MadeUp::for_policy(self.policy, denies, self.issuer.kind);
        let mut coverage = Coverage::of(self.policy);
        let mut allowed = false;
        let mut reports = Vec::with_capacity(tests.len());
        for test in tests {
            let said = ask(self, made_up.identity(self.issuer, &test.claims, &test.absent));
            let passed = said.is_expected(test);
            allowed |= passed && test.expect == Expect::Allow;
            if passed {
                coverage.note(&said);
            }
            reports.push(TestReport {
                name: test.name.clone(),
                at: at(&test.position),
                passed,
                expected: said.expected(test),
                said: said.in_words(),
            });
        }
        // A test that is allowed shows better than we can guess that someone satisfies the policy.
        let said = ask(self, made_up.identity(self.issuer, &[], &[]));
        let unsatisfiable = (!allowed && !said.allows_something()).then(|| said.in_words());
        PolicyReport {
            policy: Arc::clone(&self.policy.id),
            at: at(&self.policy.position),
            unsatisfiable,
            tests: reports,
            conditions: coverage.len(),
            unexercised: coverage.unexercised(),
        }
    }
}

fn at(position: &Position) -> String {
    format!("{}:{}", position.file, position.line)
}
