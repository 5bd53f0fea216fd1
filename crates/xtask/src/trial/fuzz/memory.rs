//! What becomes of the node's memory while nonsense comes in.
//!
//! Resident memory has two parts. Anonymous pages (`RssAnon` in `/proc/PID/status`) are the
//! program's own; a leak is there. File pages (`RssFile`) are the program itself and the maps of
//! the record's readers: the system gives them up when it needs them, and their number follows the
//! size of the record up to what a reader maps.

use std::time::Duration;

use crate::bench::usage::Usage;

/// By how many KiB anonymous memory may grow over the last half of a trial, by its trend: caches of
/// pages fill up to some MiB for each connection of the database, and the allocator keeps what the
/// largest requests took.
pub(super) const GROWTH_KIB: f64 = 24.0 * 1024.0;
/// How often it is looked at.
pub(super) const EVERY: Duration = Duration::from_millis(500);
/// With fewer samples in the last half there is no trend.
const FEWEST: usize = 20;

/// What was seen, in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    samples: Vec<Sample>,
    /// The most resident memory, in KiB.
    pub peak_kib: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    anon_kib: u64,
    file_kib: u64,
}

/// How a quantity goes over the last half.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    /// By how many KiB it grows over that half; below zero where it falls.
    pub(super) growth_kib: f64,
}

impl Memory {
    /// Takes what the process uses after that time.
    pub(super) fn take(&mut self, at: Duration, usage: &Usage) {
        let (anon_kib, file_kib) = (usage.anon_kib, usage.file_kib);
        self.samples.push(Sample { at, anon_kib, file_kib });
        self.peak_kib = self.peak_kib.max(usage.peak_kib);
    }

    fn last_half(&self) -> &[Sample] {
        let end = self.samples.last().map_or(Duration::ZERO, |sample| sample.at);
        let start = self.samples.partition_point(|sample| sample.at < end / 2);
        &self.samples[start..]
    }

    /// The trend of anonymous memory, where there is enough to tell.
    pub(super) fn anonymous(&self) -> Option<Trend> {
        self.trend(|sample| sample.anon_kib)
    }

    /// The trend of file pages.
    pub(super) fn of_files(&self) -> Option<Trend> {
        self.trend(|sample| sample.file_kib)
    }

    /// The line with the least squares from the samples of the last half.
    fn trend(&self, of: impl Fn(&Sample) -> u64) -> Option<Trend> {
        let half = self.last_half();
        if half.len() < FEWEST {
            return None;
        }
        let points: Vec<(f64, f64)> =
            half.iter().map(|one| (one.at.as_secs_f64(), number(of(one)))).collect();
        let count = number(points.len() as u64);
        let mean_at = points.iter().map(|(at, _)| at).sum::<f64>() / count;
        let mean = points.iter().map(|(_, kib)| kib).sum::<f64>() / count;
        let along: f64 = points.iter().map(|(at, kib)| (at - mean_at) * (kib - mean)).sum();
        let square: f64 = points.iter().map(|(at, _)| (at - mean_at).powi(2)).sum();
        let long = points.last()?.0 - points.first()?.0;
        Some(Trend { growth_kib: along / square * long })
    }

    /// What was seen at the beginning, in the middle and at the end, in words.
    pub(super) fn words(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let count = self.samples.len();
        let of = |name: &str, of: fn(&Sample) -> u64, trend: Option<Trend>| {
            let at = |place: usize| of(&self.samples[place]) / 1024;
            let trend = trend.map_or("too short for a trend".to_owned(), |trend| {
                format!("{:+.1} MiB over the last half by its trend", trend.growth_kib / 1024.0)
            });
            format!(
                "{name} {} MiB after a fifth, {} after a half, {} at the end, {trend}",
                at(count / 5),
                at(count / 2),
                at(count - 1)
            )
        };
        if count > 0 {
            lines.push(of("anonymous memory", |one| one.anon_kib, self.anonymous()));
            lines.push(of("file pages", |one| one.file_kib, self.of_files()));
        }
        lines.push(format!("resident at the most {} MiB", self.peak_kib / 1024));
        lines
    }
}

fn number(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(anon: impl Fn(u64) -> u64, seconds: u64) -> Memory {
        let mut memory = Memory::default();
        for at in 0..=seconds {
            let mut usage = Usage::default();
            (usage.anon_kib, usage.file_kib) = (anon(at), 7);
            memory.take(Duration::from_secs(at), &usage);
        }
        memory
    }

    #[track_caller]
    fn check(anon: impl Fn(u64) -> u64, expected: f64) {
        let growth = memory(anon, 100).anonymous().unwrap().growth_kib;
        assert!((growth - expected).abs() < 1.0, "{growth} instead of {expected}");
    }

    #[test]
    fn only_the_last_half_counts() {
        check(|at| 1_000 + 10 * at, 500.0);
        check(|at| 1_000 + 100 * at.min(40), 0.0);
        check(|at| 9_000 - 20 * at, -1_000.0);
        // What goes up and down around a level does not grow.
        let level = memory(|at| 1_000 + 100 * (at % 2), 100).anonymous().unwrap();
        assert!(level.growth_kib.abs() < 10.0, "{level:?}");
        assert_eq!(memory(|at| at, 20).anonymous(), None);
        assert!(memory(|at| at, 100).of_files().unwrap().growth_kib.abs() < 0.1);
    }
}
