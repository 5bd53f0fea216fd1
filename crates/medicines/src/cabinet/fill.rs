//! F: a pocket is filled up.

use rust_decimal::Decimal;

use super::begin::begin;
use super::outdated::post_in_time;
use super::receive::Told;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement, arrivals};

pub(super) fn fill(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    begin(state, facts, told);
    supply(state, facts, told, told.transaction.units());
}

/// Puts units into the pocket: those that were sent to this cabinet first, the oldest consignment
/// before the others, the rest from the pharmacy.
pub(super) fn supply(state: &State, facts: &mut Facts<'_>, told: &Told<'_>, units: Decimal) {
    let mut left = units;
    let batch = told.transaction.batch.as_deref();
    for (consignment, there) in arrivals(state, &told.cabinet, &told.item.code, batch) {
        let part = there.min(left);
        if part > Decimal::ZERO {
            left -= part;
            put(state, facts, told, Account::Transit(consignment), part);
        }
    }
    if left > Decimal::ZERO {
        put(state, facts, told, Account::Pharmacy, left);
    }
}

fn put(state: &State, facts: &mut Facts<'_>, told: &Told<'_>, from: Account, units: Decimal) {
    let mut transfer = told.transfer(facts, Movement::Restock, from, told.place());
    transfer.quantity = units;
    post_in_time(state, facts, transfer);
}
