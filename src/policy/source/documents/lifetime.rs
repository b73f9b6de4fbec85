//! Reading when a policy counts, and how far: `mode`, `enabled`, `expires` and `[policy.limits]`.

use std::ops::Range;
use std::sync::Arc;

use crate::policy::{Mode, PolicyLimits};
use crate::registry::Registry;
use crate::toml_reader::{Code, Section};

/// `enabled`; true if it is left out.
pub(in crate::policy) fn read_enabled(section: &Section<'_>) -> bool {
    let written = section.contains("enabled");
    section.flag("enabled") || !written
}

/// `mode`; to enforce, if it is left out.
pub(in crate::policy) fn read_mode(section: &Section<'_>) -> Mode {
    section.parsed("mode", str::parse).map_or(Mode::Enforce, |mode| mode.value)
}

/// `[policy.limits]`.
pub(in crate::policy) fn read_limits(
    section: &Section<'_>,
    registry: Option<&Arc<Registry>>,
) -> PolicyLimits {
    let Some(limits) = section.section("limits") else { return PolicyLimits::default() };
    let span = limits.string("token_ttl").map(|ttl| ttl.span);
    let count = |key| limits.number(key, 1..1_000_001).and_then(|count| u32::try_from(count).ok());
    let read = PolicyLimits {
        token_ttl: limits.duration("token_ttl", 60..21_601),
        tokens_per_run: count("tokens_per_run"),
        packages_per_token: count("packages_per_token"),
    };
    limits.finish();
    if let (Some(ttl), Some(span), Some(registry)) = (read.token_ttl, span, registry) {
        check_ttl(section, ttl, &span, registry);
    }
    read
}

/// A lifetime that the registry's protocol forbids is none that a policy can give.
fn check_ttl(section: &Section<'_>, ttl: u64, span: &Range<usize>, registry: &Registry) {
    let shortest = registry.kind.spec().min_token_ttl;
    if ttl < shortest {
        section.report(
            Code::OutOfBounds,
            span,
            format!("a token of registry \"{}\" lives at least {shortest} seconds", registry.id),
            format!("raise `token_ttl` in [{}.limits]", section.path()),
        );
    }
}
