//! U: an item is taken off a pocket, with all that is in it.

use rust_decimal::Decimal;

use super::begin::{begin, differs, set_to};
use super::outdated::post_in_time;
use super::receive::Told;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement};

/// Everything goes to the pharmacy. Where another amount was told than was there, that amount
/// goes, and the rest is a difference.
pub(super) fn unload(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    begin(state, facts, told);
    let place = told.place();
    let held = facts.holding(state, &place, &told.item.code).total();
    let amount = told.transaction.amount.filter(|amount| !amount.is_zero());
    let late = told.is_outdated(state);
    // What was in it then is not known now.
    let went = if late { amount.unwrap_or_default() } else { amount.unwrap_or(held) };
    if went > Decimal::ZERO {
        let mut transfer = told.transfer(facts, Movement::Restock, place, Account::Pharmacy);
        transfer.quantity = went;
        if went >= held && !late {
            // All of it goes, whatever batches it is of.
            transfer.batch = None;
        }
        post_in_time(state, facts, transfer);
    }
    if !late {
        let difference = set_to(state, facts, told, Decimal::ZERO);
        differs(facts, told, difference, "unload-differs");
    }
}
