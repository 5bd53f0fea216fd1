//! A: the device corrects its count, by what was found or by a signed amount.

use rust_decimal::Decimal;

use super::count::found_there;
use super::receive::Told;
use crate::facts::Facts;
use crate::state::State;

/// The balance is what was found; without that, what was expected with the signed amount, and
/// never less than nothing.
pub(super) fn adjust(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let transaction = told.transaction;
    let moved = transaction.expected.map(|expected| expected + transaction.units());
    if let Some(found) = transaction.actual.or(moved) {
        found_there(state, facts, told, found.max(Decimal::ZERO));
    }
}
