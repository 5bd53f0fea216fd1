//! How many acknowledgements that nobody waits for are kept.

use tokio::time::{Duration, Instant};

/// The most that are kept at once.
const BURST: u32 = 10;

/// How long it takes until one more may be kept.
const REFILL: Duration = Duration::from_secs(6);

/// A peer that sends them without end must not fill the journal: ten are kept, then one in six
/// seconds, and the others are counted.
#[derive(Debug)]
pub(crate) struct Strays {
    left: u32,
    since: Instant,
    unkept: u64,
}

impl Strays {
    pub(crate) fn new(now: Instant) -> Self {
        Strays { left: BURST, since: now, unkept: 0 }
    }

    /// Whether one that comes at `now` is kept; then how many before it were not.
    pub(crate) fn keep(&mut self, now: Instant) -> Option<u64> {
        while self.left < BURST && now.duration_since(self.since) >= REFILL {
            self.since += REFILL;
            self.left += 1;
        }
        if self.left == 0 {
            self.unkept += 1;
            return None;
        }
        if self.left == BURST {
            self.since = now;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.unkept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let now = Instant::now();
        let mut strays = Strays::new(now);
        for _ in 0..BURST {
            assert_eq!(strays.keep(now), Some(0));
        }
        for _ in 0..1000 {
            assert_eq!(strays.keep(now), None);
        }
        assert_eq!(strays.keep(now + REFILL), Some(1000));
        assert_eq!(strays.keep(now + REFILL), None);
        assert_eq!(strays.keep(now + REFILL * 100), Some(1));
        for _ in 1..BURST {
            assert_eq!(strays.keep(now + REFILL * 100), Some(0));
        }
        assert_eq!(strays.keep(now + REFILL * 100), None);
    }
}
