//! E and X: stock whose date has passed, or that has to be destroyed, is taken out of a pocket.

use rust_decimal::Decimal;

use super::begin::begin;
use super::outdated::post_in_time;
use super::receive::Told;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement};

/// E: out of the pocket because of its date.
pub(super) fn expired(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    take_out(state, facts, told, Movement::Restock, Account::Expired);
}

/// X: destroyed.
pub(super) fn destroyed(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    take_out(state, facts, told, Movement::Waste, Account::Waste);
    super::waste::check_witness(facts, told, "destruction-not-witnessed");
}

fn take_out(
    state: &State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    movement: Movement,
    to: Account,
) {
    begin(state, facts, told);
    if told.transaction.units() > Decimal::ZERO {
        let transfer = told.transfer(facts, movement, told.place(), to);
        post_in_time(state, facts, transfer);
    }
}
