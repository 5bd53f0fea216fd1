//! L: an item is assigned to a pocket, with stock.
//!
//! It tells the whole content: the expected count, else the one found, else the amount. The
//! pocket was empty for the device, so what the ledger still had in it is a difference.

use rust_decimal::Decimal;

use super::begin::{differs, set_to};
use super::fill::supply;
use super::receive::Told;
use crate::facts::Facts;
use crate::state::State;

pub(super) fn load(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    if told.is_outdated(state) {
        return;
    }
    let difference = set_to(state, facts, told, Decimal::ZERO);
    differs(facts, told, difference, "load-differs");
    let transaction = told.transaction;
    let some = |count: Option<Decimal>| count.filter(|count| !count.is_zero());
    let (expected, amount) = (some(transaction.expected), some(transaction.amount));
    let held = expected.or(some(transaction.actual)).or(amount).unwrap_or_default();
    supply(state, facts, told, held);
    if let (Some(expected), Some(amount)) = (expected, amount) {
        differs(facts, told, amount - expected, "load-amount-differs");
    }
}
