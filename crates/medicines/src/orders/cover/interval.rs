//! What was taken since the last dose could begin, with what is asked, is at most one dose.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{Asked, NotCovered};
use crate::site::Policies;
use crate::state::Schedule;

/// A day in seconds.
pub(super) const DAY_S: i64 = 86_400;

pub(super) fn check(asked: &Asked<'_>) -> Result<(), NotCovered> {
    let gap = least_gap(asked.step.schedule, &asked.wanted.site.policies);
    let Some(gap) = gap else { return Ok(()) };
    let since = asked.at.saturating_sub(gap).unwrap_or(Timestamp::MIN);
    let recent = asked.order.taken.iter().filter(|taken| taken.at > since);
    if asked.fits(asked.doses(recent.clone(), Decimal::MAX), Decimal::ONE) {
        return Ok(());
    }
    let first = recent.map(|taken| taken.at).min().unwrap_or(asked.at);
    Err(NotCovered::TooEarly(first.saturating_add(gap).unwrap_or(Timestamp::MAX)))
}

/// The least time between two doses, or `None` where the schedule tells nothing computable.
///
/// A fixed interval (Q6H) may be shortened by the early window, by a quarter of itself at the
/// most. Doses at the ward's times (QDS) lie unevenly over the day: half the mean interval is
/// the least; from a day on (alternate days, weekly methotrexate) half a day less than the
/// interval. As-needed doses keep their interval to the second.
pub(crate) fn least_gap(schedule: Schedule, policies: &Policies) -> Option<SignedDuration> {
    let seconds = SignedDuration::from_secs;
    match schedule {
        // A single dose is held by the number of doses of its course.
        Schedule::Unknown | Schedule::Once => None,
        Schedule::Every(interval) => {
            let early = i64::from(policies.early_window_min) * 60;
            Some(seconds(interval - early.min(interval / 4)))
        }
        Schedule::Daily(mean) if mean > DAY_S => Some(seconds(mean - DAY_S / 2)),
        Schedule::Daily(mean) => Some(seconds(mean / 2)),
        Schedule::AsNeeded(interval) => Some(seconds(interval)),
    }
}
