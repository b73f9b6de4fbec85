//! What a kind says about policies on its identities: W105, W106, W107, W115.

use crate::identity::kinds::{Advice, RequestedScope};
use crate::policy::tools::lint::subject::{Finding, Subject};

pub(in crate::policy) fn followed(subject: &Subject<'_>) -> Vec<Finding> {
    let ignored = |advice: &&Advice| {
        advice.on.is_none_or(|claim| subject.narrows(claim).is_some())
            && !advice.wants.iter().any(|wanted| is_met(subject, *wanted))
    };
    let finding = |advice: &Advice| {
        let finding = Finding::new(advice.code, advice.message, advice.help);
        match advice.on {
            Some(claim) => finding.on(claim),
            None => finding,
        }
    };
    subject.issuer.kind.advice.iter().filter(ignored).map(finding).collect()
}

fn is_met(subject: &Subject<'_>, wanted: RequestedScope) -> bool {
    match wanted {
        RequestedScope::Any(claim) => subject.narrows(claim).is_some(),
        RequestedScope::Exactly(claim, value) => subject.requires(claim, value),
    }
}
