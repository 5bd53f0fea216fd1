//! So many in so much time.

use std::time::{Duration, Instant};

/// Counts what happens in a window of time, which begins with the first of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Allowance {
    begun: Option<Instant>,
    used: u32,
}

impl Allowance {
    /// Takes one, if there is one left.
    pub(super) fn take(&mut self, now: Instant, window: Duration, most: u32) -> bool {
        if !self.is_used(now, window) {
            *self = Allowance { begun: Some(now), used: 0 };
        }
        let left = self.used < most;
        self.used += u32::from(left);
        left
    }

    /// Whether anything was taken in a window that still runs.
    pub(super) fn is_used(&self, now: Instant, window: Duration) -> bool {
        self.begun.is_some_and(|begun| now.saturating_duration_since(begun) < window)
    }
}
