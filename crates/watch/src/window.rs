//! Counts over the last quarter of an hour.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// How far back counts go, in minutes.
pub(crate) const WINDOW_MIN: i64 = 15;
/// The most samples kept: one in ten seconds, and a few.
const MOST_SAMPLES: usize = 100;

/// What was counted since the start, at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    at: Timestamp,
    messages: u64,
    refused: u64,
}

/// The last samples of one channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window(VecDeque<Sample>);

impl Window {
    /// Takes a sample; one that is closer to the last than ten seconds takes its place.
    pub(crate) fn take(&mut self, at: Timestamp, messages: u64, refused: u64) {
        let near = |last: &Sample| at.duration_since(last.at).abs() < SignedDuration::from_secs(10);
        // Counts that shrink are those of a channel that was set up anew.
        if self.0.back().is_some_and(|last| last.messages > messages || last.refused > refused) {
            self.0.clear();
        }
        if self.0.len() > 1 && self.0.back().is_some_and(near) {
            self.0.pop_back();
        }
        self.0.push_back(Sample { at, messages, refused });
        let old = |first: &Sample| at.duration_since(first.at).as_mins() >= WINDOW_MIN;
        while self.0.len() > MOST_SAMPLES || (self.0.len() > 2 && self.0.get(1).is_some_and(old)) {
            self.0.pop_front();
        }
    }

    /// Messages and refusals within the window.
    pub(crate) fn counts(&self) -> (u64, u64) {
        match (self.0.front(), self.0.back()) {
            (Some(first), Some(last)) => {
                (last.messages - first.messages, last.refused - first.refused)
            }
            _ => (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn only_the_last_quarter_of_an_hour_counts() {
        let mut window = Window::default();
        window.take(at(0), 100, 50);
        assert_eq!(window.counts(), (0, 0));
        for minute in 1..=60 {
            let passed = u64::try_from(minute).unwrap();
            window.take(at(minute * 60), 100 + passed * 10, 50 + passed);
        }
        assert_eq!(window.counts(), (150, 15));
    }

    #[test]
    fn it_does_not_grow() {
        let mut window = Window::default();
        for second in 0..100_000 {
            window.take(at(second), 0, 0);
        }
        assert!(window.0.len() <= MOST_SAMPLES);
    }

    #[test]
    fn a_channel_that_begins_anew_is_counted_anew() {
        let mut window = Window::default();
        window.take(at(0), 1000, 10);
        window.take(at(60), 0, 0);
        window.take(at(120), 5, 1);
        assert_eq!(window.counts(), (5, 1));
    }
}
