//! How often a provider is asked: a few fetches at once, then one in a while, anyone who wants them.

use std::time::Duration;

use tokio::time::Instant;

/// The bucket of permitted fetches (GCRA).
#[derive(Debug)]
pub(super) struct RateLimiter {
    burst: u32,
    period: Duration,
    /// When it would be full again.
    full_at: Option<Instant>,
}

impl RateLimiter {
    /// `burst` fetches at once, then one in each `period`.
    pub(super) fn new(burst: u32, period: Duration) -> Self {
        Self { burst, period, full_at: None }
    }

    /// When the next fetch is permitted; `now` if it is already.
    pub(super) fn permitted_at(&self, now: Instant) -> Instant {
        let full_at = self.full_at.unwrap_or(now);
        (full_at + self.period).checked_sub(self.period * self.burst).map_or(now, |at| at.max(now))
    }

    /// Takes a fetch that is permitted.
    pub(super) fn take(&mut self, now: Instant) {
        self.full_at = Some(self.full_at.map_or(now, |full_at| full_at.max(now)) + self.period);
    }
}

#[cfg(test)]
mod tests {
    use crate::keyring::rate_limiter::*;

    const PERIOD: Duration = Duration::from_secs(10);

    #[test]
    fn rate_limiter_allows_two_then_one_per_ten_seconds() {
        let (start, mut rate_limiter) = (Instant::now(), RateLimiter::new(2, PERIOD));
        let mut taken = Vec::new();
        for second in 0..=40 {
            let now = start + Duration::from_secs(second);
            while rate_limiter.permitted_at(now) <= now {
                rate_limiter.take(now);
                taken.push(second);
            }
        }
        assert_eq!(taken, [0, 0, 10, 20, 30, 40]);
        // After a rest it is two again, and no more.
        let later = start + Duration::from_secs(4000);
        rate_limiter.take(later);
        assert_eq!(rate_limiter.permitted_at(later), later);
        rate_limiter.take(later);
        assert_eq!(rate_limiter.permitted_at(later), later + PERIOD);
    }
}
