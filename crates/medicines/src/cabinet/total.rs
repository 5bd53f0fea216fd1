//! ZPM-13: how much of an item the device counts in all its pockets after the act.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::begin::differs;
use super::receive::Told;
use super::transaction::Bin;
use crate::cases::Case;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement};

const REASON: &str = "total-differs";

/// Compares the device's total with the ledger's. Patients' bins and the return bin do not count
/// to it. Pockets of which nothing was told yet hold the rest, as long as there are any.
pub(super) fn check_total(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let transaction = told.transaction;
    let Some(total) = transaction.total.filter(|_| transaction.bin == Bin::Pocket) else { return };
    if is_old(state, told) {
        return;
    }
    let (cabinet, item) = (&told.cabinet, told.item.code.as_str());
    let elsewhere = Account::Elsewhere(cabinet.clone());
    let mut held = facts.holding(state, &told.place(), item).total();
    for (account, lines) in state.shelves(cabinet, item) {
        if matches!(account, Account::Pocket { .. }) && account != told.place() {
            held += lines.total();
        }
    }
    let unseen = facts.holding(state, &elsewhere, item).total();
    let difference = total - held - unseen;
    let is_new = !state.is_counted(&told.place(), item);
    if is_new && difference > Decimal::ZERO {
        let mut transfer = told.transfer(facts, Movement::Opening, Account::Opening, elsewhere);
        (transfer.quantity, transfer.patient, transfer.batch) = (difference, None, None);
        facts.moved(transfer);
        return;
    }
    match (open_case(state, told), difference.is_zero()) {
        (Some(case), true) => facts.settle(&case.id, "agrees"),
        (None, false) => differs(facts, told, difference, REASON),
        _ => {}
    }
}

/// Whether any pocket of the item in the cabinet was told of for a later time.
fn is_old(state: &State, told: &Told<'_>) -> bool {
    let shelves = state.shelves(&told.cabinet, &told.item.code);
    shelves.iter().any(|(account, _)| {
        let pocket = state.pocket(account, &told.item.code);
        pocket.is_some_and(|pocket| told.transaction.activity < pocket.last)
    })
}

fn open_case<'s>(state: &'s State, told: &Told<'_>) -> Option<&'s Arc<Case>> {
    state.open_cases().find(|case| {
        case.reason == REASON
            && case.cabinet.as_ref() == Some(&told.cabinet)
            && case.item.as_ref() == Some(&told.item.code)
    })
}
