//! An order for a number of doses ends with the last of them, whatever strength they were of.

use rust_decimal::Decimal;

use super::{Asked, NotCovered};

pub(super) fn check(asked: &Asked<'_>) -> Result<(), NotCovered> {
    let Some(doses) = asked.step.doses else { return Ok(()) };
    let fits = asked.fits(asked.order.total, Decimal::from(doses));
    if fits { Ok(()) } else { Err(NotCovered::CourseOver) }
}
