//! `bad-quantity`: more than nothing, told with three decimals at the most.

use rust_decimal::Decimal;

use super::Question;
use crate::cabinet::refusal::{Refusal, RefusalCode};
use crate::quantity::is_plausible;

/// The most decimals that a quantity at a cabinet may have.
const MAX_SCALE: u32 = 3;

pub(super) fn check(question: &Question<'_>) -> Result<(), Refusal> {
    let units = question.units;
    if units > Decimal::ZERO && units.normalize().scale() <= MAX_SCALE && is_plausible(units) {
        return Ok(());
    }
    let text = "Ask for a quantity above zero, with three decimals at the most.";
    Err(Refusal::new(RefusalCode::BadQuantity, text))
}
