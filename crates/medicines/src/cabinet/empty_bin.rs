//! B: the return bin is emptied; what was in it goes back to the pharmacy.

use rust_decimal::Decimal;

use super::begin::differs;
use super::receive::Told;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement, post};

/// The bin is empty afterwards; an amount that was told goes, and any other rest is a difference.
pub(super) fn empty_bin(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let bin = Account::ReturnBin(told.cabinet.clone());
    let held = facts.holding(state, &bin, &told.item.code).total();
    let amount = told.transaction.amount.filter(|amount| !amount.is_zero());
    let went = amount.unwrap_or(held);
    shift(state, facts, told, &bin, Account::Pharmacy, went);
    let rest = held - went;
    if rest > Decimal::ZERO {
        let nobody_knows = Account::Discrepancy(told.cabinet.clone());
        shift(state, facts, told, &bin, nobody_knows, rest);
        differs(facts, told, -rest, "bin-differs");
    }
}

/// Moves units out of a bin, whatever batches they are of.
pub(super) fn shift(
    state: &State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    bin: &Account,
    to: Account,
    units: Decimal,
) {
    if units > Decimal::ZERO {
        let movement = match to {
            Account::Waste => Movement::Waste,
            Account::Discrepancy(_) => Movement::Count,
            _ => Movement::Restock,
        };
        let mut transfer = told.transfer(facts, movement, bin.clone(), to);
        transfer.quantity = units;
        post(state, facts, transfer);
    }
}
