//! The only place that reads the clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Tells the time to everything that needs it.
///
/// In a simulation it can start at any time and run faster than the world; it then never jumps.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    System,
    Scaled { start: Timestamp, began: Instant, speed: u32 },
    Steered { start: Timestamp, began: Instant, ahead_s: &'static AtomicI64 },
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Clock(Kind::System)
    }

    /// A clock that shows `start` now and runs `speed` times as fast as the world.
    pub fn scaled(start: Timestamp, speed: u32) -> Self {
        Clock::anchored(start, Instant::now(), speed)
    }

    /// A clock that showed `start` at the instant `began`, to agree with another one.
    pub fn anchored(start: Timestamp, began: Instant, speed: u32) -> Self {
        Clock(Kind::Scaled { start, began, speed: speed.max(1) })
    }

    /// A clock that shows `start` now and can be put forward and back while it runs, by seconds, as
    /// somebody does to the clock of a machine.
    pub fn steered(start: Timestamp, ahead_s: &'static AtomicI64) -> Self {
        Clock(Kind::Steered { start, began: Instant::now(), ahead_s })
    }

    /// The time now, to the microsecond, which is what the journal keeps.
    pub fn now(&self) -> Timestamp {
        let now = match self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place")]
            Kind::System => Timestamp::now(),
            Kind::Scaled { start, began, speed } => {
                let passed = began.elapsed().saturating_mul(speed);
                let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
                start.saturating_add(passed).unwrap_or(Timestamp::MAX)
            }
            Kind::Steered { start, began, ahead_s } => {
                let passed = SignedDuration::try_from(began.elapsed());
                let ahead = SignedDuration::from_secs(ahead_s.load(Ordering::Relaxed));
                let passed = passed.unwrap_or(SignedDuration::MAX).saturating_add(ahead);
                start.saturating_add(passed).unwrap_or(Timestamp::MAX)
            }
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// How many times faster than the world it runs.
    pub fn speed(&self) -> u32 {
        match self.0 {
            Kind::System | Kind::Steered { .. } => 1,
            Kind::Scaled { speed, .. } => speed,
        }
    }

    /// How long the world takes until this clock shows `at`.
    pub fn until(&self, at: Timestamp) -> Duration {
        let ahead = at.duration_since(self.now());
        Duration::try_from(ahead).unwrap_or_default() / self.speed()
    }
}
