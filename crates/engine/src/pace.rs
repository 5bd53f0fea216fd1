//! Recording time: what the clock shows, but never going back.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// How much slower recording time goes while the clock is behind it.
const SLOWER: u32 = 2;

/// Where the clock was put back, recording time goes on at half its speed until the clock has
/// caught up. It neither goes back, which would put entries out of order, nor stands still, which
/// would let permits live and timers wait for as long as the clock is behind.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: Clock,
    last: Timestamp,
    since: Instant,
}

impl Pace {
    /// Recording time that goes on from `last`.
    pub(crate) fn new(clock: Clock, last: Timestamp) -> Self {
        Pace { clock, last, since: Instant::now() }
    }

    /// The recording time now.
    pub(crate) fn now(&mut self) -> Timestamp {
        self.at(self.clock.now(), Instant::now())
    }

    /// How long the world takes until recording time is `at`, as far as can be told now.
    pub(crate) fn until(&mut self, at: Timestamp) -> Duration {
        let ahead = at.duration_since(self.now());
        let left = Duration::try_from(ahead).unwrap_or_default() / self.clock.speed();
        if self.clock.now() < self.last { left.saturating_mul(SLOWER) } else { left }
    }

    fn at(&mut self, shown: Timestamp, instant: Instant) -> Timestamp {
        if shown >= self.last {
            (self.last, self.since) = (shown, instant);
            return shown;
        }
        let passed = instant.saturating_duration_since(self.since);
        let passed = passed.saturating_mul(self.clock.speed()) / SLOWER;
        // The journal keeps microseconds: what is less is counted with the next.
        let micros = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        if micros > 0 {
            let on = self.last.saturating_add(SignedDuration::from_micros(micros));
            // It never overtakes the clock by catching up.
            (self.last, self.since) = (on.unwrap_or(Timestamp::MAX), instant);
        }
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn minutes(count: i64) -> SignedDuration {
        SignedDuration::from_mins(count)
    }

    #[test]
    fn a_clock_that_is_put_back_slows_recording_time_and_does_not_stop_it() {
        let mut pace = Pace::new(Clock::system(), START);
        let began = Instant::now();
        let later = |count: u64| began + Duration::from_mins(count);
        assert_eq!(pace.at(START + minutes(60), began), START + minutes(60));
        // An hour back: what is granted for five minutes now ends within ten.
        assert_eq!(pace.at(START, later(0)), START + minutes(60));
        assert_eq!(pace.at(START + minutes(10), later(10)), START + minutes(65));
        assert_eq!(pace.at(START + minutes(50), later(50)), START + minutes(85));
        assert_eq!(pace.at(START + minutes(121), later(121)), START + minutes(121), "caught up");
    }

    #[test]
    fn small_steps_add_up() {
        let mut pace = Pace::new(Clock::system(), START + minutes(60));
        let began = pace.since;
        for step in 1..=1_000_u64 {
            pace.at(START, began + Duration::from_nanos(step * 700));
        }
        let passed = pace.last.duration_since(START + minutes(60)).as_micros();
        assert!((300..=350).contains(&passed), "{passed} of 350 microseconds");
    }

    #[test]
    fn what_is_due_is_waited_for_at_the_speed_of_recording_time() {
        let mut pace = Pace::new(Clock::system(), Timestamp::MAX - SignedDuration::from_hours(1));
        let at = pace.last + minutes(5);
        let wait = pace.until(at);
        assert!(wait > Duration::from_mins(9) && wait <= Duration::from_mins(10), "{wait:?}");
        let now = pace.clock.now();
        let mut pace = Pace::new(Clock::system(), now - minutes(1));
        assert!(pace.until(now + minutes(5)) <= Duration::from_mins(5));
    }
}
