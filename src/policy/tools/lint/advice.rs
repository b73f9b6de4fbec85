//! What a kind says about policies on its identities: W105, W106, W107, W115.

use crate::identity::kinds::{Advice, Requirement};
use crate::policy::tools::lint::subject::{Finding, Subject};

pub(in crate::policy) fn followed(subject: &Subject<'_>) -> Vec<Finding> {
    let ignored = |advice: &&Advice| {
        advice.on.is_none_or(|claim| subject.narrows(claim).is_some())
            && !advice.requirements.iter().any(|requirement| is_met(subject, *requirement))
    };
    let finding = |advice: &Advice| {
        let finding = Finding::new(advice.code, advice.message, advice.help);
        match advice.on {
            Some(claim) => finding.on(claim),
            None => finding,
        }
    };
    subject.issuer.kind.guidance.advice.iter().filter(ignored).map(finding).collect()
}

fn is_met(subject: &Subject<'_>, requirement: Requirement) -> bool {
    match requirement {
        Requirement::Any(claim) => subject.narrows(claim).is_some(),
        Requirement::Exactly(claim, value) => subject.requires(claim, value),
    }
}
