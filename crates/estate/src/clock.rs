//! Simulated time: a start, a real instant that it belongs to, and a speed.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The fastest that simulated time may run, in simulated seconds per real second.
///
/// Beyond it a round trip over the loopback takes simulated minutes, and what the estate does no
/// longer looks like a hospital.
pub const MAX_SPEED: u32 = 36_000;

/// A clock that runs `speed` times as fast as real time.
///
/// The node has to run on the same start, anchor and speed, or its windows (a permit's life, the
/// time after which a dose is unaccounted for) do not fit what the estate does.
#[derive(Debug, Clone, Copy)]
pub struct SimClock {
    start: Timestamp,
    anchor: Instant,
    speed: u32,
    ahead_s: Option<&'static AtomicI64>,
}

impl SimClock {
    /// A clock that reads `start` at the real instant `anchor`; `speed` is held to
    /// 1..=[`MAX_SPEED`].
    pub fn new(start: Timestamp, anchor: Instant, speed: u32) -> Self {
        SimClock { start, anchor, speed: speed.clamp(1, MAX_SPEED), ahead_s: None }
    }

    /// A clock that reads `start` now, runs as fast as real time, and is put forward by as many
    /// seconds as `ahead_s` says: for what is acted out step by step.
    pub fn steered(start: Timestamp, ahead_s: &'static AtomicI64) -> Self {
        SimClock { ahead_s: Some(ahead_s), ..SimClock::new(start, Instant::now(), 1) }
    }

    /// Puts a steered clock forward until it reads `at`, to the second above; another clock, and
    /// one that reads more, stays as it is.
    pub(crate) fn put_forward(&self, at: Timestamp) {
        let left = at.duration_since(self.now()).as_millis();
        if let Some(ahead_s) = self.ahead_s
            && left > 0
        {
            let seconds = i64::try_from((left + 999) / 1_000).unwrap_or(0);
            ahead_s.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    /// What the clock reads now.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.anchor.elapsed().saturating_mul(self.speed);
        let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        let ahead_s = self.ahead_s.map_or(0, |ahead_s| ahead_s.load(Ordering::Relaxed));
        let elapsed = elapsed.saturating_add(SignedDuration::from_secs(ahead_s));
        self.start.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// What the clock read at its anchor.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Simulated seconds per real second.
    pub fn speed(&self) -> u32 {
        self.speed
    }

    /// How much real time passes until the clock reads `at`; zero for the past.
    pub fn real_until(&self, at: Timestamp) -> Duration {
        let left = at.duration_since(self.now());
        Duration::try_from(left).map_or(Duration::ZERO, |left| left / self.speed)
    }

    /// Waits until the clock reads `at`.
    pub async fn sleep_until(&self, at: Timestamp) {
        tokio::time::sleep(self.real_until(at)).await;
    }
}

/// The zone of the hospital's clocks on the wall, without a zone database: GMT, and BST from the
/// last Sunday of March to the last Sunday of October.
pub(crate) fn london() -> TimeZone {
    TimeZone::posix("GMT0BST,M3.5.0/1,M10.5.0").expect("a POSIX time zone")
}

/// An HL7 time stamp in local time without an offset, as most senders write it.
pub(crate) fn local_stamp(at: Timestamp) -> String {
    at.to_zoned(london()).strftime("%Y%m%d%H%M%S").to_string()
}

/// An HL7 time stamp in local time with its offset.
pub(crate) fn zoned_stamp(at: Timestamp) -> String {
    at.to_zoned(london()).strftime("%Y%m%d%H%M%S%z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at: &str, local: &str, zoned: &str) {
        let at: Timestamp = at.parse().unwrap();
        assert_eq!(local_stamp(at), local);
        assert_eq!(zoned_stamp(at), zoned);
    }

    #[test]
    fn stamps_are_in_british_time() {
        check("2026-11-20T10:15:00Z", "20261120101500", "20261120101500+0000");
        check("2026-07-01T10:15:00Z", "20260701111500", "20260701111500+0100");
    }

    #[test]
    fn time_runs_at_its_speed_from_its_anchor() {
        let start: Timestamp = "2026-11-20T07:30:00Z".parse().unwrap();
        let anchor = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        let clock = SimClock::new(start, anchor, 60);
        assert!(clock.now().duration_since(start) >= SignedDuration::from_mins(10));
        assert_eq!(clock.real_until(start), Duration::ZERO);
        assert_eq!(SimClock::new(start, anchor, 0).speed(), 1);
    }

    #[test]
    fn a_steered_clock_is_put_forward_and_never_back() {
        static AHEAD: AtomicI64 = AtomicI64::new(0);
        let start: Timestamp = "2026-11-20T07:30:00Z".parse().unwrap();
        let clock = SimClock::steered(start, &AHEAD);
        let later = start + SignedDuration::from_hours(3);
        clock.put_forward(later);
        let shown = clock.now();
        assert!(shown >= later && shown < later + SignedDuration::from_mins(1), "{shown}");
        clock.put_forward(start);
        assert!(clock.now() >= shown);
    }
}
