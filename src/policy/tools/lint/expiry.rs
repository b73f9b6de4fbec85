//! Policies that end soon, or have ended: W123, W111.

use crate::policy::Policy;
use crate::toml_reader::{Code, Warnings};

/// How long before its end a policy is told, in seconds: time enough for someone to decide.
const SOON: u64 = 30 * 24 * 3600;

/// What is accepted about the end of a policy is kept until its day.
pub(in crate::policy) fn prepare(policy: &Policy, warnings: &mut Warnings) {
    if policy.expires.is_some() {
        warnings.keep(Code::ExpiresSoon, &policy.position);
        warnings.keep(Code::Unreachable, &policy.position);
    }
}

/// Looks at the policies at an instant, in seconds since the epoch.
pub(crate) fn at(now: u64, policies: &[Policy], warnings: &mut Warnings) {
    for policy in policies {
        let Some(left) = policy.expires.map(|expires| expires.saturating_sub(now)) else { continue };
        let (code, message) = match left {
            0 => (Code::Unreachable, "the policy has expired, so it grants nothing".to_owned()),
            1..=SOON => {
                (Code::ExpiresSoon, format!("the policy expires in {} days", left.div_ceil(24 * 3600)))
            }
            _ => continue,
        };
        let help = "move `expires`, or take the policy out".to_owned();
        warnings.warn(code, &policy.position, policy.position.clone(), message, help);
    }
}
