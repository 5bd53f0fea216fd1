//! What the engine measures of itself: counters that cost a message a few additions and no lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bounds of [`Histogram::times`], in microseconds: from a decision in memory to a peer that
/// answers after a minute.
pub const TIME_BOUNDS_US: &[u64] = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// The bounds of [`Histogram::counts`].
pub const COUNT_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// How often values of which size were seen.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what is greater than the last.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// A histogram as it was at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// The upper bounds, each within its bucket.
    pub bounds: &'static [u64],
    /// How many values each bucket has, not counted together; one more than there are bounds.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: u64,
}

impl Buckets {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Histogram {
    /// A histogram of times, in microseconds.
    pub fn times() -> Self {
        Histogram::new(TIME_BOUNDS_US)
    }

    /// A histogram of how many there were of something.
    pub fn counts() -> Self {
        Histogram::new(COUNT_BOUNDS)
    }

    fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Notes a value.
    pub fn note(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Notes a time, in microseconds.
    pub fn note_time(&self, time: Duration) {
        self.note(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// How it is now.
    pub fn read(&self) -> Buckets {
        Buckets {
            bounds: self.bounds,
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

/// What the threads of an engine measure.
#[derive(Debug)]
pub(crate) struct Gauges {
    pub(crate) batch_commands: Histogram,
    pub(crate) decide: Histogram,
    pub(crate) append: Histogram,
    pub(crate) commit: Histogram,
    pub(crate) journaled: AtomicU64,
}

impl Gauges {
    pub(crate) fn new(journaled: u64) -> Self {
        Gauges {
            batch_commands: Histogram::counts(),
            decide: Histogram::times(),
            append: Histogram::times(),
            commit: Histogram::times(),
            journaled: AtomicU64::new(journaled),
        }
    }
}

/// How an engine does; see `Engine::measures`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measures {
    /// Commands in a batch; its count is that of the batches since the start.
    pub batch_commands: Buckets,
    /// The time of a decision, in microseconds.
    pub decide: Buckets,
    /// The time of an append to the journal with its sync, in microseconds.
    pub append: Buckets,
    /// The time of a transaction of the record, in microseconds.
    pub commit: Buckets,
    /// The number of the last entry that is durable in the journal.
    pub journaled: u64,
    /// The number of the last entry that the record holds.
    pub recorded: u64,
    /// The number of the last entry that the message index holds.
    pub indexed: u64,
    /// Commands that wait for the engine.
    pub waiting: usize,
    /// The most that may wait before edges have to.
    pub waiting_most: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_bucket_whose_bound_it_does_not_exceed() {
        let check = |value: u64, bucket: usize| {
            let histogram = Histogram::counts();
            histogram.note(value);
            let read = histogram.read();
            assert_eq!(read.counts.iter().position(|count| *count == 1), Some(bucket), "{value}");
            assert_eq!((read.count(), read.sum), (1, value));
        };
        check(0, 0);
        check(1, 0);
        check(2, 1);
        check(3, 2);
        check(256, COUNT_BOUNDS.len() - 1);
        check(257, COUNT_BOUNDS.len());
    }

    #[test]
    fn times_are_in_microseconds() {
        let histogram = Histogram::times();
        histogram.note_time(Duration::from_millis(3));
        histogram.note_time(Duration::from_mins(2));
        let read = histogram.read();
        assert_eq!(read.sum, 120_003_000);
        assert_eq!(read.counts.last(), Some(&1));
    }
}
