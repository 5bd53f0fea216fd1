//! Growing waits between attempts, spread so that many subscribers are not called at once.

use std::time::Duration;

/// Waits that double from the first to the longest, each shortened by up to a half at random. The
/// numbers come from a seed, so that a run can be repeated.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    failed: u32,
    seed: u64,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Backoff { first, most, failed: 0, seed }
    }

    /// How many attempts failed in a row.
    pub(super) fn failed(&self) -> u32 {
        self.failed
    }

    /// An attempt failed: how long to wait before the next one.
    pub(super) fn wait(&mut self) -> Duration {
        let full = self.first.saturating_mul(1 << self.failed.min(20)).min(self.most);
        self.failed += 1;
        let half = full / 2;
        let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_micros(self.draw() % spread)
    }

    /// An attempt succeeded.
    pub(super) fn reset(&mut self) {
        self.failed = 0;
    }

    /// A number of the seed and of how often was tried.
    fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.seed ^ (self.seed >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_again() {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(3));
        let mut backoff = Backoff::new(first, most, 7);
        let mut full = first;
        for n in 1..60 {
            let wait = backoff.wait();
            assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
            assert_eq!(backoff.failed(), n);
            full = (full * 2).min(most);
        }
        backoff.reset();
        assert!(backoff.wait() <= first);
        let others: Vec<Duration> =
            (0..8).map(|seed| Backoff::new(first, most, seed * 977 + 1).wait()).collect();
        assert!(others.iter().any(|wait| *wait != others[0]), "they are spread");
    }
}
