//! An order for a number of doses ends with the last of them, whatever strength they were of; so
//! does a step of a taper.

use rust_decimal::Decimal;

use super::{Asked, NotCovered};

pub(super) fn check(asked: &Asked<'_>) -> Result<(), NotCovered> {
    let Some(doses) = asked.step.doses else { return Ok(()) };
    let taken = match asked.step.since {
        None => asked.order.total,
        Some(since) => {
            asked.doses(asked.order.taken.iter().filter(|taken| taken.at >= since), Decimal::MAX)
        }
    };
    let fits = asked.fits(taken, Decimal::from(doses));
    if fits { Ok(()) } else { Err(NotCovered::CourseOver) }
}
