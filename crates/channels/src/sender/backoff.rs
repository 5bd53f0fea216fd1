//! Growing waits between attempts, spread so that many channels do not knock at once.

use std::time::Duration;

/// Waits that double from `first` to `most`, each shortened by up to a half at random.
///
/// The random numbers come from a seed that the caller gives, so that a run can be repeated.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
    random: u64,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Backoff { first, most, next: first, random: seed }
    }

    /// How long to wait before the next attempt.
    pub(super) fn wait(&mut self) -> Duration {
        let full = self.next;
        self.next = full.saturating_mul(2).min(self.most);
        let half = full / 2;
        let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_micros(self.draw() % spread)
    }

    /// The peer is well: the next wait is the first one again.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next random number (SplitMix64: a counter through a mixing function).
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const MOST: Duration = Duration::from_secs(30);

    #[test]
    fn waits_grow_to_the_most_and_begin_again() {
        let mut backoff = Backoff::new(FIRST, MOST, 7);
        let mut full = FIRST;
        for _ in 0..20 {
            let wait = backoff.wait();
            assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
            full = (full * 2).min(MOST);
        }
        backoff.reset();
        assert!(backoff.wait() <= FIRST);
    }

    #[test]
    fn a_seed_repeats_its_waits_and_seeds_differ() {
        let waits = |seed| {
            let mut backoff = Backoff::new(FIRST, MOST, seed);
            (0..8).map(|_| backoff.wait()).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }

    #[test]
    fn a_wait_of_nothing_is_allowed() {
        assert_eq!(Backoff::new(Duration::ZERO, Duration::ZERO, 1).wait(), Duration::ZERO);
    }
}
