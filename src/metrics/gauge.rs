//! Counts, as a gauge holds them.

/// The largest that there is, for what is larger.
pub(super) fn gauge(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
