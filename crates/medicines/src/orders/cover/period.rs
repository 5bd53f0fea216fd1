//! Doses at the ward's times may move within the day, but no more of them go into a day than are
//! ordered for it; twice the early window is what a round may shift.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::interval::DAY_S;
use super::{Asked, NotCovered};
use crate::state::Schedule;

pub(super) fn check(asked: &Asked<'_>) -> Result<(), NotCovered> {
    let Schedule::Daily(mean) = asked.step.schedule else { return Ok(()) };
    let doses = (DAY_S / mean.max(1)).max(1);
    let shift = 2 * i64::from(asked.wanted.site.policies.early_window_min) * 60;
    let span = SignedDuration::from_secs((mean.saturating_mul(doses) - shift).max(0));
    let since = asked.at.saturating_sub(span).unwrap_or(Timestamp::MIN);
    let recent = asked.order.taken.iter().filter(|taken| taken.at > since);
    // What was one dose before the order was changed to a smaller one is no more than one.
    if asked.fits(asked.doses(recent.clone(), Decimal::ONE), Decimal::from(doses)) {
        return Ok(());
    }
    let first = recent.map(|taken| taken.at).min().unwrap_or(asked.at);
    Err(NotCovered::TooEarly(first.saturating_add(span).unwrap_or(Timestamp::MAX)))
}
