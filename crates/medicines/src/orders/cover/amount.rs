//! No more than one dose at a time.

use super::{Asked, NotCovered};

pub(super) fn check(asked: &Asked<'_>) -> Result<(), NotCovered> {
    let fits = asked.wanted.units <= asked.dose.taken;
    if fits { Ok(()) } else { Err(NotCovered::QuantityExceedsDose) }
}
