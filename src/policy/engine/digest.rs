//! The digest of a snapshot: equal digests decide equally, whatever the files are called and in
//! whatever order they were read.

use aws_lc_rs::digest;

use crate::hex;
use crate::policy::{Condition, Deny, Digest, Policy, Vocabulary};

/// The version of the deciding code. Raise it with any change that decides differently: tokens
/// minted by the older code are then decided again at their next introspection.
const DECIDER: u32 = 5;

pub(in crate::policy) fn digest(vocabulary: &Vocabulary, policies: &[Policy], denies: &[Deny]) -> Digest {
    // Hashed at once: the lines of a million policies would take more memory than the policies.
    let hashed = |line: Vec<u8>| digest::digest(&digest::SHA256, &line);
    let mut lines = Vec::with_capacity(policies.len());
    lines.extend(vocabulary.issuers.values().map(|issuer| {
        hashed(line(
            &["issuer", &issuer.id, issuer.kind.name, &issuer.url],
            &[&issuer.pins, &issuer.allow_events],
        ))
    }));
    lines.extend(vocabulary.registries.iter().map(|registry| {
        hashed(line(
            &["registry", &registry.id, registry.kind.as_str(), &registry.token_ttl.to_string()],
            &[],
        ))
    }));
    lines.extend(policies.iter().map(|policy| hashed(policy_line(policy))));
    lines.extend(denies.iter().map(|deny| hashed(deny_line(deny))));
    lines.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));

    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(format!("trustmint decider {DECIDER}\n").as_bytes());
    for line in &lines {
        hash.update(line.as_ref());
    }
    Digest(format!("sha256:{}", hex::encode(hash.finish().as_ref())).into())
}

pub(in crate::policy) fn policy_line(policy: &Policy) -> Vec<u8> {
    let when = format!("{:?} {:?} {:?}", policy.mode, policy.expires, policy.limits);
    let packages: Vec<_> = policy.packages.iter().map(ToString::to_string).collect();
    let denies: Vec<_> = policy.denies.iter().map(|group| rendered(group).join("\u{1}")).collect();
    line(
        &["policy", &policy.id, &policy.issuer, &policy.registry, &policy.actions.to_string(), &when],
        &[&packages, &rendered(&policy.conditions), &sorted(denies)],
    )
}

pub(in crate::policy) fn deny_line(deny: &Deny) -> Vec<u8> {
    line(
        &["deny", deny.issuer.as_deref().unwrap_or(""), deny.registry.as_deref().unwrap_or("")],
        &[&sorted(deny.packages.clone()), &rendered(&deny.conditions)],
    )
}

fn rendered(conditions: &[Condition]) -> Vec<String> {
    let render = |Condition { claim, any_of, case_insensitive, line: _ }: &Condition| {
        format!("{claim:?} {any_of:?} {case_insensitive}")
    };
    sorted(conditions.iter().map(render).collect())
}

fn sorted(mut parts: Vec<String>) -> Vec<String> {
    parts.sort_unstable();
    parts
}

/// Length-prefixed parts, so that no two different lists give the same bytes.
fn line(parts: &[&str], lists: &[&[String]]) -> Vec<u8> {
    let mut line = Vec::new();
    let mut push = |part: &str| {
        line.extend((part.len() as u64).to_be_bytes());
        line.extend(part.as_bytes());
    };
    for part in parts {
        push(part);
    }
    for list in lists {
        push(&list.len().to_string());
        for part in *list {
            push(part);
        }
    }
    line
}
